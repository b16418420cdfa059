"""Hands one notifier its messages, as long as the invocation waits, and notes each attempt."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from batchbell.contract import Message, Notifier
from batchbell.dispatcher.delivery.attempt import attempt
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.ledger import Claimed
from batchbell.dispatcher.delivery.outcome import Outcome, Result, SendAttempt, not_now
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.time_limit import Exchange

NO_TIME = "no time left in this invocation"

Claims = dict[int, Claimed]  # by the delivery's position in the list


@dataclass
class Progress:
    """What a notifier's thread reports until the invocation stops waiting. Numbers are positions in its list."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    attempts: list[SendAttempt] = field(default_factory=list)
    sending: Claims = field(default_factory=dict)  # handed to the notifier, without an outcome yet
    since: float = 0.0  # monotonic: when `sending` was set
    exchange: Exchange = field(default_factory=Exchange)  # what the notifier opens
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin_to_send(self, claims: Claims) -> bool:
        """False if the invocation has stopped waiting: then nothing may be sent any more."""
        with self.lock:
            if not self.closed:
                self.sending, self.since = claims, time.monotonic()
            return not self.closed

    def end_of_attempt(self, attempt: SendAttempt) -> None:
        with self.lock:
            if not self.closed:
                self.attempts.append(attempt)

    def report(self, numbers: Sequence[int], outcome: Outcome) -> None:
        with self.lock:
            if not self.closed:
                self.sending = {}
                self.outcomes.update(dict.fromkeys(numbers, outcome))

    def close(self, outcome: Outcome) -> Claims:
        """Stop listening. What is still being sent gets `outcome`, and its sockets are closed; returns its claims."""
        with self.lock:
            self.closed = True
            if self.sending:
                self.exchange.abandon()
                self.attempts.append(SendAttempt(outcome.result, outcome.reason, time.monotonic() - self.since))
                self.outcomes.update(dict.fromkeys(self.sending, outcome))
            return self.sending


@dataclass(frozen=True)
class Sending:
    """One notifier's, for one invocation. `claims_end`: epoch seconds."""

    notifier: Notifier
    claims_end: float
    timing: Timing
    breaker: Breaker
    deadline: Deadline
    progress: Progress

    def send(self, claims: Claims, message: Message, receipt: str = "", *, patient: bool = True) -> Outcome:
        """Send, and wait as long as the channel asks for if that is short and there is time.

        receipt: of a message that is to show this one; "": it is a new one.
        patient: False if it is not to wait.
        """
        while True:
            if not self.progress.begin_to_send(claims):
                return not_now(NO_TIME)
            outcome = self._attempt(message, receipt)
            pause = outcome.wait
            if outcome.result is not Result.TEMPORARY or pause is None or pause > self.timing.longest_wait:
                return outcome
            if not patient:
                return outcome
            if self.breaker.outcome_if_open() is not None:
                return outcome
            if self.deadline.left < pause + self.timing.hang_threshold:
                return outcome
            time.sleep(pause)

    def _attempt(self, message: Message, receipt: str) -> Outcome:
        if time.time() >= self.claims_end:
            # Lambda froze this thread and resumed it in a later invocation: another one may hold the row by now.
            return Outcome(Result.TEMPORARY, "the claim ran out before the message was sent")
        started = time.monotonic()
        with self.progress.exchange.here():
            outcome = attempt(self.notifier, message, self.claims_end, receipt)
        made = SendAttempt(outcome.result, outcome.reason, time.monotonic() - started)
        if not (receipt and outcome.is_of_message):  # one that somebody deleted says nothing about the channel
            self.progress.end_of_attempt(made)
        self.breaker.record(made, outcome.wait)
        return outcome
