"""What a chaos run sees of connections that a send leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from batchbell import time_limit, webhook
from batchbell.contract import Secret, TemporaryError
from batchbell_local.slack.sink import SlackSink
from demo.chaos import ending

pytestmark = pytest.mark.unit


@pytest.fixture
def left_open(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Sends into a tarpit, and returns how many connections stay open."""
    monkeypatch.setattr(webhook, "SEND_LIMIT", 0.3)
    monkeypatch.setattr(ending, "CLOSING_TIME", 2.0)

    def send() -> int:
        with SlackSink.start() as sink:
            sink.answer(status=200, body="x" * 1_000, drip=0.5)
            channel = webhook.Webhook(Secret("webhook", lambda fresh: sink.url), "Slack", lambda url: None)
            with pytest.raises(TemporaryError, match="no whole answer"):
                channel.post({"text": "hello"})
            stack: Any = SimpleNamespace(sink=sink)
            return ending._open_connections(stack)

    return send


def test_a_tarpit_leaves_no_connection_open(left_open: Callable[[], int]) -> None:
    assert left_open() == 0


def test_a_connection_that_a_time_out_leaves_open_is_counted(
    left_open: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limit.Connections, "close", lambda self: None)
    assert left_open() == 1
