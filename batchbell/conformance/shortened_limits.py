"""Shorter timeouts, so that tests with an endpoint that hangs take less time."""

from __future__ import annotations

import socket

import pytest

from batchbell import aws_errors, webhook

SOCKET_TIMEOUT = 0.5  # seconds
SEND_LIMIT = 0.5  # seconds


def shorten_socket_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cap the timeout of every socket of this process, whatever the notifier sets."""
    set_timeout = socket.socket.settimeout

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        set_timeout(self, None if seconds is None else min(seconds, SOCKET_TIMEOUT))

    monkeypatch.setattr(socket.socket, "settimeout", settimeout)


def shorten_send_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the limit that batchbell's own modules have for a whole `send`."""
    for module in (aws_errors, webhook):
        monkeypatch.setattr(module, "SEND_LIMIT", SEND_LIMIT)
