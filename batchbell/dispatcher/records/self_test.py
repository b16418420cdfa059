"""An operator's request for a test message, to see whether the channels deliver (`batchbell send-test`).

The record in the intake queue: {"test": 1, "id": UUID, "notifiers": [names], "sent_at": epoch seconds}. Without names
it is for every notifier of the stack. The message is delivered like any other, except that filters do not apply, and
that a refused one becomes no ticket and no dead letter: its row in the ledger says why.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.wire import MessageKind

NOTIFIERS_LIMIT = 100  # more than any stack has
NAME_LIMIT = 100  # characters; a stack's names have at most 39
CLOCK_DIFFERENCE = 86_400  # s that an operator's clock may be ahead


class InvalidSelfTest(ValueError):
    """The body has the key "test" and is not a request for one; the text holds none of its values."""


@dataclass(frozen=True)
class SelfTest:
    """`notifiers`: names; empty: all that the stack has. `sent_at`: when the operator asked (epoch seconds)."""

    id: str  # a UUID
    notifiers: tuple[str, ...]
    sent_at: float

    @property
    def key(self) -> str:
        """Its message's key in the ledger."""
        return f"{MessageKind.TEST}#{self.id}"

    def to_body(self) -> str:
        return json.dumps({"test": 1, "id": self.id, "notifiers": list(self.notifiers), "sent_at": self.sent_at})

    @classmethod
    def from_body(cls, body: Mapping[str, Any], now: float) -> SelfTest:
        """Parse a body. `now`: epoch seconds. Raises InvalidSelfTest."""
        try:
            test_id, names, sent_at = str(uuid.UUID(body["id"])), body["notifiers"], float(body["sent_at"])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InvalidSelfTest(f"not a test: {type(error).__name__}") from None
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise InvalidSelfTest("not a test: notifiers is not a list of names")
        if len(names) > NOTIFIERS_LIMIT or any(len(name) > NAME_LIMIT for name in names):
            raise InvalidSelfTest("not a test: too many notifiers, or too long names")
        if not 0 <= sent_at <= now + CLOCK_DIFFERENCE:
            raise InvalidSelfTest("not a test: sent_at is out of range")
        return cls(test_id, tuple(dict.fromkeys(names)), sent_at)
