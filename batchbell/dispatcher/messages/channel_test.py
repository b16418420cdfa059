"""The message that an operator sends to see whether the channels deliver."""

from __future__ import annotations

from datetime import UTC, datetime

from batchbell.contract import Fact, Message, Severity
from batchbell.dispatcher.dates import format_time
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.records.self_test import SelfTest
from batchbell.texts import tidy
from batchbell.wire import MessageKind


def compose_self_test(test: SelfTest, origin: Origin) -> Message:
    asked = format_time(datetime.fromtimestamp(test.sent_at, UTC), origin.zone)
    facts = (("Stack", origin.stack), ("Function", origin.function), ("Asked for", asked))
    return tidy(
        Message(
            key=test.key,
            kind=MessageKind.TEST,
            status="TEST",
            severity=Severity.INFO,
            title="Test message" + (f" from {origin.stack}" if origin.stack else ""),
            summary="This is only a test: no job finished, and there is nothing to do",
            job_name="test",
            facts=tuple(Fact(label, value) for label, value in facts if value),
            notes=("If you can read this, this channel delivers.",),
        )
    )
