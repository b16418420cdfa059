"""Tickets: messages that one notifier still has to get, on the retry queue, or never got, in the dead-letter queue.

A ticket holds the composed message, never the event, so it holds no container environment and no secret. It names one
notifier, so neither a retry nor a redrive can touch a healthy channel.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.contract import Message
from batchbell.dispatcher.records.job import KEY_LIMIT
from batchbell.texts import tidy

MAX_ATTEMPTS = 10_000  # more than four hours of retries can count


class InvalidTicket(ValueError):
    """The body has the key "ticket" and is not one."""


@dataclass(frozen=True)
class Ticket:
    """A message that `notifier` still has to get. `attempt` counts the refusals; times are epoch seconds."""

    message: Message
    notifier: str
    reason: str
    first_tried: float
    attempt: int = 0
    not_before: float = 0.0  # the channel asked for it; SQS's longest delay is 15 minutes
    died: float | None = None  # when it became a dead letter

    def to_body(self) -> str:
        fields: dict[str, Any] = {
            "ticket": 1,
            "message": self.message.to_dict(),
            "notifier": self.notifier,
            "reason": self.reason,
            "first_tried": self.first_tried,
            "attempt": self.attempt,
            "not_before": self.not_before,
        }
        return json.dumps(fields if self.died is None else {**fields, "died": self.died})

    @classmethod
    def from_body(cls, body: Mapping[str, Any], now: float) -> Ticket:
        """Parse a body. A redriven dead letter starts again. `now`: epoch seconds. Raises InvalidTicket."""
        try:
            redriven = "died" in body
            ticket = cls(
                message=tidy(Message.from_dict(body["message"])),
                notifier=str(body["notifier"]),
                reason=str(body["reason"]),
                first_tried=now if redriven else float(body["first_tried"]),
                attempt=0 if redriven else int(body["attempt"]),
                not_before=0.0 if redriven else float(body.get("not_before", 0.0)),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InvalidTicket(f"not a ticket: {type(error).__name__}") from None
        # A ticket from the future would never expire. Clocks of two machines differ by less than a minute.
        if not (0 <= ticket.first_tried <= now + 60 and 0 <= ticket.attempt <= MAX_ATTEMPTS):
            raise InvalidTicket("not a ticket: first_tried or attempt is out of range")
        if not math.isfinite(ticket.not_before) or not 1 <= len(ticket.message.key.encode()) <= KEY_LIMIT:
            raise InvalidTicket("not a ticket: not_before or the message's key is out of range")
        return ticket
