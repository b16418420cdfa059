"""Tells the live channels that another one is dead: best effort, never a ticket, never about an announcement."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from batchbell.contract import Fact, Message, PermanentError, Severity, TemporaryError
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.fan_out import run
from batchbell.dispatcher.delivery.health import DeadChannel
from batchbell.dispatcher.delivery.outcome import refusal
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.dates import show
from batchbell.dispatcher.messages.origin import Home
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline
from batchbell.texts import tidy


def compose_announcement(dead: DeadChannel, home: Home) -> Message:
    since = datetime.fromtimestamp(dead.since, UTC)
    return tidy(
        Message(
            key=f"dead-channel#{dead.notifier}#{since:%Y-%m-%dT%H:%M}",
            kind="dead-channel",
            status="FAILED",
            severity=Severity.WARNING,
            title=f"Notifier {dead.notifier} does not deliver",
            summary="Its messages wait, or are dead letters: this one comes through another channel",
            job_name=dead.notifier,
            facts=(
                *([Fact("Stack", home.stack)] if home.stack else []),
                Fact("Notifier", dead.notifier),
                Fact("Since", show(since, home.zone)),
                Fact("Reason", dead.reason),
            ),
            notes=(f"Nothing is lost: once it is mended, `{_redrive(home)}` sends what it missed.",),
            thread=f"dead-channel#{dead.notifier}",
        )
    )


def _redrive(home: Home) -> str:
    return "python -m batchbell redrive" + (f" --function {home.function}" if home.function else "")


def announce(
    dead: Sequence[DeadChannel],
    home: Home,
    instances: Sequence[Instance],
    breakers: Mapping[str, Breaker],
    deadline: Deadline,
) -> None:
    """On every notifier that is not dead itself, whatever its filters."""
    if not dead or deadline.passed:
        return
    messages = [compose_announcement(one, home) for one in dead]
    silent = {one.notifier for one in dead}
    live = [one for one in instances if one.name not in silent and breakers[one.name].skip() is None]
    run([partial(_send, one, messages) for one in live], deadline)


def _send(instance: Instance, messages: Sequence[Message]) -> None:
    for message in messages:
        try:
            instance.notifier.send(message)
        except (PermanentError, TemporaryError) as error:
            _log(instance, refusal(error, time.time()).reason)
        except Exception as error:
            _log(instance, f"the notifier raised {type(error).__name__}")  # its text may hold a secret


def _log(instance: Instance, reason: str) -> None:
    logger.warning("the announcement was not delivered", notifier=instance.name, reason=reason)
