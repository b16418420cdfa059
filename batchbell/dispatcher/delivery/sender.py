"""One notifier's part of an invocation: its messages, each behind the ledger, one by one or as digests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from batchbell.contract import Message
from batchbell.dispatcher.delivery.attempt import attempt
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.ledger import AlreadySent, Claimed, Held, Ledger, LedgerDown, Undelivered
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result, SendAttempt, not_now, unknown
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.time_limit import Exchange
from batchbell.wire import DIGEST_LIMIT

MAY_BE_A_REPEAT = "This may be a repeat: an earlier attempt got no answer."
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


@dataclass
class Sender:
    """Sends `todo` to one notifier. `work` runs in a thread."""

    instance: Instance
    todo: Sequence[Delivery]
    ledger: Ledger
    timing: Timing
    breaker: Breaker
    deadline: Deadline
    progress: Progress = field(default_factory=Progress)
    thread: threading.Thread = field(default_factory=threading.current_thread, init=False)

    def work(self) -> None:
        """Never raises. Deliveries that it does not report were not started."""
        self.thread = threading.current_thread()
        alone = [number for number, delivery in enumerate(self.todo) if delivery.alone]
        others = [number for number, delivery in enumerate(self.todo) if not delivery.alone]
        if self.instance.digests(len(others)):
            self._send_digests(others)
            others = []
        for number in sorted([*alone, *others]):
            if self.deadline.passed:
                return
            self._guard([number], partial(self._claim_and_deliver, number))

    def _send_digests(self, numbers: Sequence[int]) -> None:
        claims = self._claim(numbers, Deadline.after(min(self.timing.claims, self.deadline.left)))
        size = DIGEST_LIMIT if self.instance.digests(len(claims)) else 1
        for start in range(0, len(claims), size):
            group = dict(list(claims.items())[start : start + size])
            self._guard(list(group), partial(self._deliver, group))

    def settle(self, claims: Claims, outcome: Outcome) -> None:
        """Write the outcome to the ledger. If that fails, the claims run out, and a repeat says that it may be one."""
        name, keys = self.instance.name, [claim.key for claim in claims.values()]
        try:
            late = self._write_down(list(claims.values()), outcome)
            if late:
                logger.warning("the claim had run out", notifier=name, message_keys=late, result=outcome.result.value)
        except LedgerDown as down:
            logger.error("the ledger could not be written", notifier=name, message_keys=keys, reason=str(down))

    def _write_down(self, claims: Sequence[Claimed], outcome: Outcome) -> Sequence[str]:
        name = self.instance.name
        if outcome.result is Result.SENT:
            return self.ledger.commit(claims, name)
        if outcome.maybe_delivered:
            claims = [replace(claim, maybe_delivered=True) for claim in claims]
        undelivered = Undelivered(outcome.result.value, outcome.reason)
        write = self.ledger.mark_unknown if outcome.result is Result.UNKNOWN else self.ledger.release
        return write(claims, name, undelivered)

    def _guard(self, numbers: Sequence[int], step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:
            # An error here must not stop the notifier's other messages, and its text may hold a secret.
            self.progress.report(numbers, unknown(f"the delivery raised {type(error).__name__}", self.ledger.until))

    def _claim(self, numbers: Sequence[int], deadline: Deadline | None = None) -> Claims:
        """Claim the deliveries and report those that cannot be sent now. The deadline leaves the rest unreported."""
        claims: Claims = {}
        for number in numbers:
            if deadline is not None and deadline.passed:
                break
            outcome = self.breaker.outcome_if_open() or self._claim_one(number, claims)
            if outcome is not None:
                self.progress.report([number], outcome)
        return claims

    def _claim_one(self, number: int, claims: Claims) -> Outcome | None:
        try:
            claim = self.ledger.claim(self.todo[number].message.key, self.instance.name)
        except LedgerDown as down:
            return not_now(f"the ledger could not be written: {down}", due=time.time() + self.timing.ledger_pause)
        if isinstance(claim, AlreadySent):
            return Outcome(Result.ALREADY_SENT)
        if isinstance(claim, Held):
            return not_now("another invocation is sending it", due=claim.until + 1)
        claims[number] = claim
        return None

    def _claim_and_deliver(self, number: int) -> None:
        self._deliver(self._claim([number]))

    def _deliver(self, claims: Claims) -> None:
        """Send the claimed deliveries as one message; all get its outcome.

        A digest that the channel refuses for what is in it is sent again in halves, down to the messages that it does
        not take: only those are refused.
        """
        groups = [claims] if claims else []
        refused = ""
        while groups:
            group = groups.pop()
            if refused and self.deadline.left < self.timing.hang_threshold:
                outcome = replace(not_now(f"its digest was refused: {refused}"), alone=True)
            else:
                outcome = self.breaker.outcome_if_open() or self._send(group, self._message(group))
                if len(group) > 1 and outcome.is_of_message:
                    refused = outcome.reason
                    groups += reversed(_halves(group))
                    continue
            self.settle(group, outcome)
            self.progress.report(list(group), outcome)

    def _message(self, claims: Claims) -> Message:
        messages = [self.todo[number].message for number in claims]
        repeats = [claim.maybe_delivered for claim in claims.values()]
        if len(messages) > 1:
            return compose_digest(messages, repeats)
        return messages[0].with_note(MAY_BE_A_REPEAT) if repeats[0] else messages[0]

    def _send(self, claims: Claims, message: Message) -> Outcome:
        """Send, and wait as long as the channel asks for if that is short and there is time."""
        while True:
            if not self.progress.begin_to_send(claims):
                return not_now(NO_TIME)
            outcome = self._attempt(message)
            pause = outcome.wait
            if outcome.result is not Result.TEMPORARY or pause is None or pause > self.timing.longest_wait:
                return outcome
            if self.breaker.outcome_if_open() is not None:
                return outcome
            if self.deadline.left < pause + self.timing.hang_threshold:
                return outcome
            time.sleep(pause)

    def _attempt(self, message: Message) -> Outcome:
        if time.time() >= self.ledger.until:
            # Lambda froze this thread and resumed it in a later invocation: another one may hold the row by now.
            return Outcome(Result.TEMPORARY, "the claim ran out before the message was sent")
        started = time.monotonic()
        with self.progress.exchange.here():
            outcome = attempt(self.instance.notifier, message, self.ledger.until)
        made = SendAttempt(outcome.result, outcome.reason, time.monotonic() - started)
        self.progress.end_of_attempt(made)
        self.breaker.record(made, outcome.wait)
        return outcome


def _halves(claims: Claims) -> list[Claims]:
    items = list(claims.items())
    middle = len(items) // 2
    return [dict(items[:middle]), dict(items[middle:])]
