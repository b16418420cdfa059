"""How long the tests wait for what hangs."""

from __future__ import annotations

import socket

import pytest

from batchbell import aws_errors, webhook

IMPATIENCE = 0.5  # seconds
SEND_LIMIT = 0.5  # seconds


def shorten_socket_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket of this process that has a time-out waits for longer, whatever the notifier sets."""
    wait = socket.socket.settimeout

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        wait(self, None if seconds is None else min(seconds, IMPATIENCE))

    monkeypatch.setattr(socket.socket, "settimeout", settimeout)


def shorten_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """No whole `send` takes longer, where batchbell's own modules bound it."""
    for module in (aws_errors, webhook):
        monkeypatch.setattr(module, "SEND_LIMIT", SEND_LIMIT)
