"""Tickets: messages that one notifier still has to get, on the retry queue, or never got, in the dead-letter queue.

A ticket holds the composed message, never the event, so it holds no container environment and no secret. It names one
notifier, so neither a retry nor a redrive can touch a healthy channel. Another version, or a machine whose clock is
wrong, may have written it: what is known of it is read, and a time in the future counts as now.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.contract import Message
from batchbell.dispatcher.records.job import KEY_LIMIT
from batchbell.texts import tidy, without_logs

MAX_ATTEMPTS = 10_000  # more than four hours of retries can count
BODY_LIMIT = 1_000_000  # characters, all of them ASCII; SQS takes 1 MiB with what counts besides the body
LOGS_LEFT_OUT = "The ends of the logs are left out: they were too long to be kept for another attempt."
FAR_FUTURE = 2.0**40  # epoch s; within what every computation takes


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
    alone: bool = False  # a digest with it was refused
    died: float | None = None  # when it became a dead letter

    def to_body(self) -> str:
        """Return the body, without the ends of logs if SQS would not take it with them."""
        body = self._to_body(self.message)
        return body if len(body) <= BODY_LIMIT else self._to_body(without_logs(self.message, LOGS_LEFT_OUT))

    def _to_body(self, message: Message) -> str:
        fields: dict[str, Any] = {
            "ticket": 1,
            "message": message.to_dict(),
            "notifier": self.notifier,
            "reason": self.reason,
            "first_tried": self.first_tried,
            "attempt": self.attempt,
            "not_before": self.not_before,
            "alone": self.alone,
        }
        return json.dumps(fields if self.died is None else {**fields, "died": self.died})

    @classmethod
    def from_body(cls, body: Mapping[str, Any], now: float) -> Ticket:
        """Parse a body. A redriven dead letter, which has `died`, starts again.

        now: epoch seconds.

        Raises InvalidTicket if it has no notifier, or no message with a key and a title.
        """
        redriven = "died" in body
        try:
            message, notifier = tidy(Message.from_dict(body["message"])), body["notifier"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidTicket(f"not a ticket: {type(error).__name__}") from None
        if not isinstance(notifier, str):
            raise InvalidTicket("not a ticket: the notifier is not a name")
        if not 1 <= len(message.key.encode()) <= KEY_LIMIT:
            raise InvalidTicket("not a ticket: the message's key is out of range")
        return cls(
            message=message,
            notifier=notifier,
            reason=str(body.get("reason", "")),
            first_tried=now if redriven else min(_number(body.get("first_tried"), now), now),
            attempt=0 if redriven else int(min(_number(body.get("attempt"), 0), MAX_ATTEMPTS)),
            not_before=0.0 if redriven else _number(body.get("not_before"), 0.0),
            alone=body.get("alone") is True,
        )


def _number(value: Any, default: float) -> float:
    """Return the value if it is a number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return default
    return float(min(value, FAR_FUTURE))
