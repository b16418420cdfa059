"""What one notifier still has to get, or never will: tickets on the retry queue and in the dead-letter queue.

A ticket holds the composed message, never the event: no container environment, no secret. It names one notifier, so
that neither a retry nor a redrive can touch a healthy channel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.contract import Message

MAX_RECORD = 200_000  # characters of an unreadable record that its dead letter keeps; SQS takes 1 MiB after escaping

# What a job's definition and overrides carry is often secret: it is not copied into a dead letter.
_CONFIDENTIAL = frozenset(
    {"environment", "env", "secrets", "parameters", "command", "args", "containerOverrides", "containers"}
)


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
    died: float | None = None  # when it became a dead letter

    def to_body(self) -> str:
        fields: dict[str, Any] = {
            "ticket": 1,
            "message": self.message.to_dict(),
            "notifier": self.notifier,
            "reason": self.reason,
            "first_tried": self.first_tried,
            "attempt": self.attempt,
        }
        return json.dumps(fields if self.died is None else {**fields, "died": self.died})

    @classmethod
    def from_body(cls, body: Mapping[str, Any], now: float) -> Ticket:
        """A dead letter that came back (a redrive) starts afresh. Raises InvalidTicket."""
        try:
            redriven = "died" in body
            return cls(
                message=Message.from_dict(body["message"]),
                notifier=str(body["notifier"]),
                reason=str(body["reason"]),
                first_tried=now if redriven else float(body["first_tried"]),
                attempt=0 if redriven else int(body["attempt"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidTicket(f"not a ticket: {type(error).__name__}") from None


@dataclass(frozen=True)
class Unreadable:
    """A record that no job could be read from, and why."""

    record: str
    reason: str

    def to_body(self, now: float) -> str:
        return json.dumps({"unreadable": 1, "reason": self.reason, "died": now, "record": _redacted(self.record)})


def _redacted(record: str) -> str:
    """The record without what may be confidential, cut to what a dead letter holds."""
    try:
        kept = json.dumps(_without_confidential(json.loads(record)))
    except (ValueError, RecursionError):
        kept = record
    return kept.encode("utf-8", "replace").decode("utf-8")[:MAX_RECORD]


def _without_confidential(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "[removed]" if key in _CONFIDENTIAL else _without_confidential(part) for key, part in value.items()
        }
    return [_without_confidential(part) for part in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Queues:
    """Where tickets go. Its methods raise botocore's errors: the record that a ticket stands for then stays."""

    client: Any  # boto3, sqs
    retry_url: str
    dead_letter_url: str

    def retry(self, ticket: Ticket, delay: int) -> None:
        """`delay`: whole seconds, at most 900."""
        self.client.send_message(QueueUrl=self.retry_url, MessageBody=ticket.to_body(), DelaySeconds=delay)

    def bury(self, dead: str) -> None:
        """`dead`: the body of a `Ticket` or an `Unreadable`."""
        self.client.send_message(QueueUrl=self.dead_letter_url, MessageBody=dead)
