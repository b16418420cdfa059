"""A working webhook, and servers with broken responses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from batchbell.contract import Message, Secret
from batchbell_local.slack.sink import SlackSink
from notifiers.slack.notifier import create

WEBHOOK_PATH = "/services/T0000/B0000/SecretSecretSecret"


class Vault:
    """Holds one secret as the dispatcher does: the value is cached until it is read with `fresh`."""

    def __init__(self, *values: str) -> None:
        """values: the stored value at the first read, at the second one that bypasses the cache, and so on."""
        self._values = list(values)
        self._cached: str | None = None
        self.secret = Secret("webhook", self._read)

    def _read(self, fresh: bool) -> str:
        if fresh or self._cached is None:
            self._cached = self._values.pop(0) if len(self._values) > 1 else self._values[0]
        return self._cached


@pytest.fixture
def send() -> Callable[..., None]:
    """Send a message to the first webhook; the others are those to which it is rotated."""

    def send(message: Message, *webhooks: str) -> None:
        create({}, {"webhook": Vault(*webhooks).secret}).send(message)

    return send


@pytest.fixture(autouse=True)
def _aws_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks on this machine are accepted only while AWS is on it too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")


@pytest.fixture
def sink() -> Iterator[SlackSink]:
    with SlackSink.start() as sink:
        yield sink


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a server that reads one request and calls `respond`; return its webhook URL."""
    with contextlib.ExitStack() as stack:

        def start(respond: Callable[[socket.socket], None]) -> str:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                with contextlib.suppress(OSError):  # the notifier hung up, or the test is over
                    while True:
                        connection, _ = listening.accept()
                        with connection:
                            _read_request(connection)
                            respond(connection)

            threading.Thread(target=run, daemon=True).start()
            return f"http://127.0.0.1:{listening.getsockname()[1]}{WEBHOOK_PATH}"

        yield start


def _read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(
        next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    )
    while len(body) < length:
        body += connection.recv(65536)
