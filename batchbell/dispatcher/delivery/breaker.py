"""A circuit breaker for each channel: one that hangs, or keeps asking to wait, costs the others no time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from batchbell.dispatcher.delivery.outcome import Outcome, Result, SendAttempt, not_now
from batchbell.dispatcher.timing import Timing

WAITS_TO_OPEN = 3  # requests to wait (429) in a row
ABANDONED_LIMIT = 20  # threads of one notifier; each may hold descriptors, and a Lambda process has 1,024


@dataclass
class Breaker:
    """One notifier's, for the life of the process. While it is open, nothing is sent.

    Times are epoch seconds: Lambda may freeze the process between two invocations, and a monotonic clock with it.
    """

    timing: Timing
    waits: int = field(default=0, init=False)
    open_until: float = field(default=0.0, init=False)
    why: str = field(default="", init=False)
    abandoned: list[threading.Thread] = field(default_factory=list, init=False)  # sends that were not waited for

    def record(self, attempt: SendAttempt, wait: float | None = None) -> None:
        """Open after an attempt that hung, or after several requests to wait in a row.

        wait: seconds that the channel asked for, if it did.
        """
        if attempt.result in (Result.SENT, Result.PERMANENT):
            self.waits = 0
            return
        self.waits = 0 if wait is None else self.waits + 1
        hung = attempt.seconds >= self.timing.hang_threshold
        if hung or self.waits >= WAITS_TO_OPEN:
            self.waits = 0
            pause = self.timing.breaker_pause if hung else self.timing.ticket_slot
            self.open_until = time.time() + max(pause, min(wait or 0.0, self.timing.longest_breaker_pause))
            self.why = attempt.reason

    def outcome_if_open(self) -> Outcome | None:
        """An outcome for a message that is not tried now, or None if the channel may be used.

        It is due when the breaker closes, and never later than after the usual pause: the channel did not ask this
        message to wait, and the breaker of another process may be closed.
        """
        now = time.time()
        if self.abandoned:
            self.abandoned = [thread for thread in self.abandoned if thread.is_alive()]
            if (stuck := len(self.abandoned)) >= ABANDONED_LIMIT:
                return not_now(f"{stuck} earlier sends have not ended", due=now + self.timing.breaker_pause)
        if now >= self.open_until:
            return None
        due = min(self.open_until, now + self.timing.breaker_pause)
        return not_now(f"the channel is left alone for a while: {self.why}", due=due)
