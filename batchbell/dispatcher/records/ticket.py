"""What one notifier still has to get, or never will: the bodies on the retry queue and in the dead-letter queue.

A ticket holds the composed message, never the event: no container environment, no secret. It names one notifier, so
that neither a retry nor a redrive can touch a healthy channel.
"""

from __future__ import annotations

import hashlib
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
    """A body that looks like a ticket and is none."""


@dataclass(frozen=True)
class Ticket:
    """A message that `notifier` still has to get. `attempt` counts the refusals; times are epoch seconds."""

    message: Message
    notifier: str
    reason: str
    first_tried: float
    attempt: int = 0
    not_before: float = 0.0  # what the channel asked for; a queue's delay ends after 15 minutes
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
        """A dead letter that came back (a redrive) starts afresh. Raises InvalidTicket."""
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
        # One from the future would never grow old. Clocks of two machines differ by less than a minute.
        if not (0 <= ticket.first_tried <= now + 60 and 0 <= ticket.attempt <= MAX_ATTEMPTS):
            raise InvalidTicket("not a ticket: first_tried or attempt is out of range")
        if not math.isfinite(ticket.not_before) or not 1 <= len(ticket.message.key.encode()) <= KEY_LIMIT:
            raise InvalidTicket("not a ticket: not_before or the message's key is out of range")
        return ticket


@dataclass(frozen=True)
class Unreadable:
    """A record that no job could be read from, and why. `record`: what is safe to keep of it."""

    reason: str
    record: Mapping[str, Any] | None
    size: int  # characters
    sha256: str  # of the record, to tell whether two are the same

    @classmethod
    def of(cls, text: str, reason: str, record: Mapping[str, Any] | None) -> Unreadable:
        return cls(reason, record, len(text), hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())

    def to_body(self, now: float) -> str:
        return json.dumps(
            {
                "unreadable": 1,
                "reason": self.reason,
                "died": now,
                "size": self.size,
                "sha256": self.sha256,
                "record": self.record,
            }
        )
