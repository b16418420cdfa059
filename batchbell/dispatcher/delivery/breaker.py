"""Leaves a channel alone that hangs or asks to wait, so that it costs the others no time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from batchbell.dispatcher.delivery.outcome import Attempt, Outcome, Result, not_now
from batchbell.dispatcher.timing import Timing

REFUSALS = 3  # answers "wait" (429) in a row


@dataclass
class Breaker:
    """One notifier's, for the life of the process. Times are epoch seconds: a Lambda process may be frozen between."""

    timing: Timing
    refusals: int = field(default=0, init=False)
    closed_until: float = field(default=0.0, init=False)
    why: str = field(default="", init=False)

    def note(self, attempt: Attempt, wait: float | None = None) -> None:
        """After each attempt. `wait`: seconds that the channel asked for, if it did."""
        if attempt.result in (Result.SENT, Result.PERMANENT):
            self.refusals = 0
            return
        self.refusals = 0 if wait is None else self.refusals + 1
        hangs = attempt.seconds >= self.timing.hanging
        if hangs or self.refusals >= REFUSALS:
            self.refusals = 0
            self.closed_until = time.time() + max(self.timing.rest if hangs else self.timing.slot, wait or 0.0)
            self.why = attempt.reason

    def skip(self) -> Outcome | None:
        """A ticket for when the channel is asked again, or None if it may be asked now."""
        if time.time() >= self.closed_until:
            return None
        return not_now(f"the channel is left alone for a while: {self.why}", due=self.closed_until)
