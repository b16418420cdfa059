"""Whether the warnings in tickets are still true: one that is not, is not sent late."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import Message
from batchbell.dispatcher.delivery.ledger import Ledger, LedgerDown, Undelivered
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.watch.due_warnings import warnings_about
from batchbell.dispatcher.watch.listing import Listing
from batchbell.dispatcher.watch.memory import Memory, Seen
from batchbell.dispatcher.watch.rows import Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.told import DROPPED
from batchbell.wire import Status


class Verdict(Enum):
    """What becomes of a warning whose ticket is due."""

    TRUE = auto()
    NOT_TRUE = auto()
    UNKNOWN = auto()  # AWS could not be asked

    @property
    def is_true(self) -> bool:
        return self is Verdict.TRUE

    @property
    def is_known(self) -> bool:
        return self is not Verdict.UNKNOWN


@dataclass(frozen=True)
class LateWarnings:
    """`rows`: of the ledger's table."""

    listing: Listing
    rows: Rows

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
        true = warnings_about(array, (seen or Seen()).then(array, now), self.listing.watching.rules, now)
        return Verdict.TRUE if message.status in true else Verdict.NOT_TRUE

    def drop(self, ticket: Ticket) -> None:
        """Note it in the ledger, so that the warning may come again once it is true again."""
        logger.info("warning dropped: no longer true", notifier=ticket.notifier, message_key=ticket.message.key)
        why = Undelivered(DROPPED, "no longer true when it could be sent")
        try:
            Ledger(self.rows.dynamodb, self.rows.table, "", 0.0).note(ticket.message.key, ticket.notifier, why)
        except LedgerDown as down:
            logger.warning("the ledger could not be written", message_keys=[ticket.message.key], reason=str(down))


def _job_id(arn: str) -> str:
    return arn.partition(":job/")[2]
