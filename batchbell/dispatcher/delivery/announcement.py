"""Warns on the live channels that another one is dead: best effort, without tickets, and never about a warning."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from batchbell.contract import Message
from batchbell.dispatcher.delivery.attempt import attempt
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.outcome import Result
from batchbell.dispatcher.delivery.threads import run
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline
from batchbell.time_limit import Exchange


def announce(
    warnings: Mapping[str, Message],
    instances: Sequence[Instance],
    breakers: Mapping[str, Breaker],
    deadline: Deadline,
) -> None:
    """Send the warnings, whatever the notifiers' filters, on every notifier that works.

    warnings: by the name of the notifier that is dead.
    """
    if not warnings or deadline.passed:
        return
    live = [one for one in instances if one.name not in warnings and breakers[one.name].outcome_if_open() is None]
    exchanges = [Exchange() for _ in live]
    calls = [
        partial(_send, one, list(warnings.values()), exchange) for one, exchange in zip(live, exchanges, strict=True)
    ]
    for done, exchange in zip(run(calls, deadline), exchanges, strict=True):
        if not done:
            exchange.abandon()


def _send(instance: Instance, warnings: Sequence[Message], exchange: Exchange) -> None:
    for warning in warnings:
        with exchange.here():
            outcome = attempt(instance.notifier, warning, time.time())
        if outcome.result is not Result.SENT:
            logger.warning(
                "the warning about a dead channel was not delivered", notifier=instance.name, reason=outcome.reason
            )
