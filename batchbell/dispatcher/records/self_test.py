"""A test message that an operator asked for, to see whether the channels deliver.

Its record in the intake queue: {"test": 1, "id": UUID, "notifiers": [names], "sent_at": epoch seconds}. No names mean
every notifier of the stack. From then on it is a message as any other, but no filter keeps it from a notifier that it
names, and where it is refused there is no ticket and no dead letter: its row in the ledger tells why.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batchbell.contract import Fact, Message, Severity
from batchbell.dispatcher.messages.dates import show
from batchbell.dispatcher.messages.origin import Home

KIND = "test"  # the message's
NOTIFIERS_LIMIT = 100  # more than any stack has
NAME_LIMIT = 100  # characters; a stack's names have at most 39
CLOCK_DIFFERENCE = 86_400  # s that an operator's clock may be ahead


class InvalidTrial(ValueError):
    """A body that looks like the record of a test and is none; the text holds nothing of its values."""


@dataclass(frozen=True)
class Trial:
    """`notifiers`: names, or none for all that the stack has; `sent_at`: when it was asked for, epoch seconds."""

    id: str  # a UUID
    notifiers: tuple[str, ...]
    sent_at: float

    @property
    def key(self) -> str:
        """Of its rows in the ledger."""
        return f"test#{self.id}"

    def to_body(self) -> str:
        return json.dumps({"test": 1, "id": self.id, "notifiers": list(self.notifiers), "sent_at": self.sent_at})

    @classmethod
    def from_body(cls, body: Mapping[str, Any], now: float) -> Trial:
        """`now`: epoch seconds. Raises InvalidTrial."""
        try:
            trial_id, names, sent_at = str(uuid.UUID(body["id"])), body["notifiers"], float(body["sent_at"])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InvalidTrial(f"not a test: {type(error).__name__}") from None
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise InvalidTrial("not a test: notifiers is not a list of names")
        if len(names) > NOTIFIERS_LIMIT or any(len(name) > NAME_LIMIT for name in names):
            raise InvalidTrial("not a test: too many notifiers, or too long names")
        if not 0 <= sent_at <= now + CLOCK_DIFFERENCE:
            raise InvalidTrial("not a test: sent_at is out of range")
        return cls(trial_id, tuple(dict.fromkeys(names)), sent_at)


def compose_trial(trial: Trial, home: Home) -> Message:
    asked = show(datetime.fromtimestamp(trial.sent_at, UTC), home.zone)
    facts = (("Stack", home.stack), ("Function", home.function), ("Asked for", asked))
    return Message(
        key=trial.key,
        kind=KIND,
        status="TEST",
        severity=Severity.INFO,
        title="Test message" + (f" from {home.stack}" if home.stack else ""),
        summary="This is only a test: no job finished, and nothing is to be done",
        job_name="test",
        facts=tuple(Fact(label, value) for label, value in facts if value),
        notes=("If you can read this, this channel delivers.",),
    )
