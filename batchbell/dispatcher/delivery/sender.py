"""One notifier's part of an invocation: its messages, each behind the ledger, one by one or as digests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from batchbell.contract import Message
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.ledger import AlreadySent, Claimed, Held, Ledger, LedgerDown, Undelivered
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result, not_now, unknown
from batchbell.dispatcher.delivery.sending import Claims, Progress, Sending
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.wire import DIGEST_LIMIT

MAY_BE_A_REPEAT = "This may be a repeat: an earlier attempt got no answer."


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
    sending: Sending = field(init=False)
    thread: threading.Thread = field(default_factory=threading.current_thread, init=False)

    def __post_init__(self) -> None:
        self.sending = Sending(
            self.instance.notifier, self.ledger.until, self.timing, self.breaker, self.deadline, self.progress
        )

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
                outcome = self.breaker.outcome_if_open() or self.sending.send(group, self._message(group))
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


def _halves(claims: Claims) -> list[Claims]:
    items = list(claims.items())
    middle = len(items) // 2
    return [dict(items[:middle]), dict(items[middle:])]
