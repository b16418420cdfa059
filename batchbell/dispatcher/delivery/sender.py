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
from batchbell.dispatcher.delivery.live_messages import CANNOT_UPDATE, LiveMessages, ends_the_round, in_order
from batchbell.dispatcher.delivery.live_rows import LiveRows
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result, dropped, not_now, unknown
from batchbell.dispatcher.delivery.sending import Claims, Progress, Sending
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.messages.live_message import is_live, is_passing, shown_number
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.wire import DIGEST_LIMIT, MessageKind

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
    rows: LiveRows = field(init=False)
    live: LiveMessages = field(init=False)
    round_ended: str = field(default="", init=False)  # why no more live messages of running jobs are shown
    thread: threading.Thread = field(default_factory=threading.current_thread, init=False)

    def __post_init__(self) -> None:
        self.sending = Sending(
            self.instance.notifier, self.ledger.until, self.timing, self.breaker, self.deadline, self.progress
        )
        self.rows = LiveRows(self.ledger, self.instance.name)
        self.live = LiveMessages(self.instance, self.sending, self.rows, self.settle)

    def work(self) -> None:
        """Never raises. Deliveries that it does not report were not started."""
        self.thread = threading.current_thread()
        live = [number for number, delivery in enumerate(self.todo) if is_live(delivery.message)]
        alone = [number for number, delivery in enumerate(self.todo) if delivery.alone and number not in live]
        others = [number for number in range(len(self.todo)) if number not in live and number not in alone]
        if self.instance.digests(len(others)):
            self._send_digests(others)
            others = []
        for number in in_order(self.todo, [*alone, *others, *live], self.ledger.token):
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
            outcome = self._not_tried(number) or self._claim_one(number, claims)
            if outcome is not None:
                self.progress.report([number], outcome)
        return claims

    def _not_tried(self, number: int) -> Outcome | None:
        if is_live(self.todo[number].message) and not self.live.allowed:
            return dropped(CANNOT_UPDATE)
        if is_passing(self.todo[number].message) and self.round_ended:
            return not_now(self.round_ended)
        return self.breaker.outcome_if_open()

    def _claim_one(self, number: int, claims: Claims) -> Outcome | None:
        message = self.todo[number].message
        shows = shown_number(message) if is_live(message) else None
        try:
            claim = self.ledger.claim(message.key, self.instance.name, shows)
        except LedgerDown as down:
            return not_now(f"the ledger could not be written: {down}", due=time.time() + self.timing.ledger_pause)
        if isinstance(claim, AlreadySent):
            return Outcome(Result.ALREADY_SENT)
        if isinstance(claim, Held):
            return not_now("another invocation is sending it", due=claim.until + 1)
        claims[number] = claim
        return None

    def _claim_and_deliver(self, number: int) -> None:
        claims, message = self._claim([number]), self.todo[number].message
        if claims and is_live(message):
            outcome = self.live.show(claims, message)
            self.progress.report([number], outcome)
            if is_passing(message) and ends_the_round(outcome):
                self.round_ended = outcome.reason
        else:
            self._deliver(claims)

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
                outcome = self.breaker.outcome_if_open() or self._send(group)
                if len(group) > 1 and outcome.is_of_message:
                    refused = outcome.reason
                    groups += reversed(_halves(group))
                    continue
            self.settle(group, outcome)
            self.progress.report(list(group), outcome)
            if outcome.receipt:
                self._begin_thread(group, outcome.receipt)

    def _send(self, claims: Claims) -> Outcome:
        """Send them as one message, as a reply if the thread has a first message. Else the outcome has a receipt."""
        message, thread = self._message(claims), self._thread(claims)
        if not thread:
            return replace(self.sending.send(claims, message), receipt="")
        try:
            first = self.rows.first_receipt(thread)
        except LedgerDown as down:
            logger.warning("the thread could not be read", notifier=self.instance.name, reason=str(down))
            first = ""  # it comes without its thread rather than late
        outcome = self.sending.send(claims, replace(message, reply_to=first))
        return replace(outcome, receipt="") if first else outcome

    def _begin_thread(self, claims: Claims, receipt: str) -> None:
        try:
            self.rows.begin_thread(self._thread(claims), receipt)
        except LedgerDown as down:
            logger.warning("the thread could not be written", notifier=self.instance.name, reason=str(down))

    def _thread(self, claims: Claims) -> str:
        """Return the thread of a single message; "" if the notifier keeps none for it."""
        messages = [self.todo[number].message for number in claims]
        # A queue's warnings stay out of one: it may be weeks old, and nobody would see them.
        if not self.instance.progress or len(messages) > 1 or messages[0].kind == MessageKind.QUEUE_BLOCKED:
            return ""
        return messages[0].thread

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
