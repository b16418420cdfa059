"""Whether the warnings in tickets are still true: one that is not, is not sent late."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import Message
from batchbell.dispatcher.delivery.ledger import Ledger, LedgerDown, Undelivered
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Timing
from batchbell.dispatcher.watch.composed_before import DROPPED
from batchbell.dispatcher.watch.listing import Listing, NotAsked
from batchbell.dispatcher.watch.memory import Memory, Seen
from batchbell.dispatcher.watch.predicates import is_stalled, warnings_about
from batchbell.dispatcher.watch.rows import Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.standstill import moved_after
from batchbell.wire import Status

NOT_LOOKED_UP = "whether it is still true could not be looked up"


class Verdict(Enum):
    """What becomes of a warning whose ticket is due."""

    TRUE = auto()
    NOT_TRUE = auto()
    UNKNOWN = auto()  # AWS could not be asked


Tickets = Sequence[tuple[str, Ticket]]  # with the ids of their records


@dataclass(frozen=True)
class Checked:
    """Tickets that are still to be sent, now or later, and dead letters. The others are dropped."""

    tickets: Tickets
    dead: Tickets


@dataclass(frozen=True)
class LateWarnings:
    """`rows`: of the ledger's table."""

    listing: Listing
    rows: Rows
    timing: Timing

    def check(self, tickets: Tickets) -> Checked:
        """Drop what is not true. What AWS cannot be asked about is kept for as long as any ticket is retried."""
        verdicts, now = self.verdicts(ticket.message for _, ticket in tickets), time.time()
        kept: list[tuple[str, Ticket]] = []
        dead: list[tuple[str, Ticket]] = []
        for record_id, ticket in tickets:
            verdict = verdicts[ticket.message.key]
            if verdict is Verdict.TRUE:
                kept.append((record_id, ticket))
            elif verdict is Verdict.NOT_TRUE:
                self._drop(ticket)
            elif now >= self.timing.expiry(ticket.first_tried):
                logger.error(
                    "dead letter", notifier=ticket.notifier, message_key=ticket.message.key, reason=NOT_LOOKED_UP
                )
                dead.append((record_id, replace(ticket, reason=NOT_LOOKED_UP, died=now)))
            else:
                later = now + self.timing.retry_delay(ticket.attempt)
                kept.append((record_id, replace(ticket, not_before=later)))
        return Checked(kept, dead)

    def verdicts(self, messages: Iterable[Message]) -> Mapping[str, Verdict]:
        """By the messages' keys."""
        asked = {message.key: message for message in messages}
        arns = list(dict.fromkeys(message.thread for message in asked.values()))
        try:
            described = self.listing.describe([_job_id(arn) for arn in arns])
        except (ClientError, BotoCoreError) as error:
            logger.warning("whether warnings are still true could not be looked up", reason=type(error).__name__)
            return dict.fromkeys(asked, Verdict.UNKNOWN)
        arrays = {one: RunningArray.from_json(details, "") for one, details in described.items()}
        seen = Memory(self.rows).read(arns, self.listing.budget.deadline)
        all_asked = self.listing.budget.has_left
        return {
            key: self._verdict(message, arrays.get(_job_id(message.thread)), seen.get(message.thread), all_asked)
            for key, message in asked.items()
        }

    def _verdict(self, message: Message, array: RunningArray | None, seen: Seen | None, all_asked: bool) -> Verdict:
        if array is None:  # Batch has forgotten it: it ended long ago
            return Verdict.NOT_TRUE if all_asked else Verdict.UNKNOWN
        if array.has_ended:
            return Verdict.NOT_TRUE
        if not array.is_counted or (seen is None and message.status != Status.EARLY):
            return Verdict.UNKNOWN
        now = time.time()
        after = (seen or Seen()).then(array, now)
        if message.status not in warnings_about(array, after, self.listing.watching.rules, now):
            return Verdict.NOT_TRUE
        return self._stands_still(array, after, now) if message.status == Status.STALLED else Verdict.TRUE

    def _stands_still(self, array: RunningArray, seen: Seen, now: float) -> Verdict:
        rules = self.listing.watching.rules
        try:
            moved = moved_after(array, seen.moved or 0.0, rules.stalled or 0.0, self.listing)
        except (ClientError, BotoCoreError, NotAsked):
            return Verdict.UNKNOWN
        after = seen if moved is None else replace(seen, moved=moved)
        return Verdict.TRUE if is_stalled(array, after, rules, now) else Verdict.NOT_TRUE

    def _drop(self, ticket: Ticket) -> None:
        """Note it in the ledger, so that the warning may come again once it is true again."""
        logger.info("warning dropped: no longer true", notifier=ticket.notifier, message_key=ticket.message.key)
        why = Undelivered(DROPPED, "no longer true when it could be sent")
        try:
            Ledger(self.rows.dynamodb, self.rows.table, "", 0.0).note(ticket.message.key, ticket.notifier, why)
        except LedgerDown as down:
            logger.warning("the ledger could not be written", message_keys=[ticket.message.key], reason=str(down))


def _job_id(arn: str) -> str:
    return arn.partition(":job/")[2]
