"""Keeps one message about a running array job up to date, at a notifier that can change what it has sent.

What is sent first stays true for ever; its receipt is kept before anything else is shown in its place. So at most one
live message exists for a job: where the answer to the first is lost, there is none.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from batchbell.contract import Message
from batchbell.dispatcher.delivery.ledger import Claimed, LedgerDown
from batchbell.dispatcher.delivery.live_rows import LiveRows
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result, dropped, unknown
from batchbell.dispatcher.delivery.sending import Claims, Sending
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.live_message import compose_opening, is_live, is_passing, shown_number
from batchbell.dispatcher.telemetry import logger

CANNOT_UPDATE = "the notifier keeps no live message"


def in_order(todo: Sequence[Delivery], numbers: Sequence[int], token: str) -> Sequence[int]:
    """Sort positions in `todo`: what people wait for first, a job's live message before what belongs into its thread.

    token: the invocation's. Live messages of running jobs stand last, each time in another order: where there is no
        time for all, none is always left out.
    """
    opened = {todo[number].message.thread for number in numbers if is_passing(todo[number].message)}
    threads = {todo[number].message.thread for number in numbers if not is_live(todo[number].message)}

    def rank(number: int) -> tuple[int, int]:
        message = todo[number].message
        if not is_live(message):
            return (2 if message.thread in opened else 0), number
        if not is_passing(message):
            return 3, number
        return (1, number) if message.thread in threads else (4, zlib.crc32(f"{token}{message.key}".encode()))

    return sorted(numbers, key=rank)


def ends_the_round(outcome: Outcome) -> bool:
    """True if other live messages of running jobs had better wait for the next sweep: messages must not wait for them.

    The channel asked to wait, or it refuses everything.
    """
    return outcome.wait is not None or (outcome.result is Result.PERMANENT and outcome.every_message)


@dataclass(frozen=True)
class LiveMessages:
    """One notifier's, for one invocation. `settle` writes an outcome that is not `Result.SENT` to the ledger."""

    instance: Instance
    sending: Sending
    rows: LiveRows
    settle: Callable[[Claims, Outcome], None]

    @property
    def allowed(self) -> bool:
        """False also if an earlier version, or another configuration, left a ticket behind."""
        return self.instance.progress and callable(getattr(self.instance.notifier, "update", None))

    def show(self, claims: Claims, message: Message) -> Outcome:
        """Show the message in place of the one before, and write the ledger's row.

        claims: one.
        """
        (claim,) = claims.values()
        try:
            return self._show(claims, claim, message)
        except LedgerDown as down:
            # The claim runs out, and then the message is updated again: a repeat is harmless.
            reason = f"the ledger could not be written: {down}"
            logger.error(
                "the ledger could not be written",
                notifier=self.instance.name,
                message_keys=[claim.key],
                reason=str(down),
            )
            return unknown(reason, self.sending.claims_end)

    def _show(self, claims: Claims, claim: Claimed, message: Message) -> Outcome:
        if not claim.receipt:
            if not is_passing(message):
                self.rows.end(claim)
                return dropped("the job has no live message")
            if claim.maybe_delivered:
                self.rows.end(claim)
                return dropped("the live message may have been sent before: it would be a second one")
            outcome = self.sending.send(claims, compose_opening(message), patient=False)
            if outcome.result is not Result.SENT:
                return self._undelivered(claims, claim, outcome)
            if not outcome.receipt:
                self.rows.end(claim)
                return dropped("the notifier gave no receipt")
            if not self.rows.keep_receipt(claim, outcome.receipt):
                return self._written(claim, False, outcome)
            claim = replace(claim, receipt=outcome.receipt)
        outcome = self.sending.send(claims, message, claim.receipt, patient=not is_passing(message))
        if outcome.result is not Result.SENT:
            return self._undelivered(claims, claim, outcome)
        return self._written(claim, self.rows.commit(claim, shown_number(message)), outcome)

    def _undelivered(self, claims: Claims, claim: Claimed, outcome: Outcome) -> Outcome:
        """A live message that the channel refuses for good, such as one that somebody deleted, pages nobody.

        No later attempt would help, and the outcome is a message of its own.
        """
        if outcome.is_of_message:
            self.rows.end(claim)
            return dropped(f"the live message ends: {outcome.reason}")
        self.settle(claims, outcome)
        return outcome

    def _written(self, claim: Claimed, written: bool, outcome: Outcome) -> Outcome:
        if not written:
            logger.warning(
                "the claim had run out",
                notifier=self.instance.name,
                message_keys=[claim.key],
                result=outcome.result.value,
            )
        return outcome
