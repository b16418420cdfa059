"""The message about a notifier that does not deliver, for the other notifiers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from batchbell.contract import Fact, Message, Severity
from batchbell.dispatcher.dates import format_time
from batchbell.dispatcher.messages.origin import Origin
from batchbell.texts import tidy
from batchbell.wire import MessageKind


@dataclass(frozen=True)
class DeadChannel:
    """A notifier that has not delivered since `since` (epoch seconds)."""

    notifier: str
    since: float
    reason: str


def compose_dead_channel(dead: DeadChannel, origin: Origin) -> Message:
    since = datetime.fromtimestamp(dead.since, UTC)
    thread = f"{MessageKind.DEAD_CHANNEL}#{dead.notifier}"
    redrive = "python -m batchbell redrive" + (f" --function {origin.function}" if origin.function else "")
    return tidy(
        Message(
            key=f"{thread}#{since:%Y-%m-%dT%H:%M}",
            kind=MessageKind.DEAD_CHANNEL,
            status="FAILED",
            severity=Severity.WARNING,
            title=f"Notifier {dead.notifier} does not deliver",
            summary="Its messages are being retried or are dead letters, so another notifier sends this one",
            job_name=dead.notifier,
            facts=(
                *([Fact("Stack", origin.stack)] if origin.stack else []),
                Fact("Notifier", dead.notifier),
                Fact("Since", format_time(since, origin.zone)),
                Fact("Reason", dead.reason),
            ),
            notes=(f"Nothing is lost: once the channel works again, `{redrive}` sends what it missed.",),
            thread=thread,
        )
    )
