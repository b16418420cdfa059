"""A fake of a channel that is spoken to by HTTP, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.contract import Secret
from batchbell.testing.faulty_server import Answer, FaultyServer, Request

REPEATS = "{what came}"  # in an answer's body: the request, as some proxies repeat it
ENDLESS = "x" * 100_000
_SPECIAL = re.compile(r"[^ -~]|[\"\\<>&]")


class WebhookEndpoint(Endpoint):
    """Takes every request that `accepts` finds no fault with, and answers it with `success`.

    `url` holds a secret in its path. A subclass says what its channel does differently:

    - `success`: what it answers when it takes a message;
    - `answers`: what it answers when it does not. STRANGE has none unless the channel defines the body of its success;
    - `accepts(request)`: what it would not take, and what its readers should not see.
    """

    success: ClassVar[Answer] = Answer(200, "ok")
    answers: ClassVar[dict[Fault, Sequence[Answer]]] = {
        Fault.BUSY: [Answer(429, REPEATS, {"Retry-After": "17"})],
        Fault.BROKEN: [
            *(Answer(status, REPEATS) for status in (500, 502, 503, 504)),
            Answer(500, REPEATS, {"no colon here\r\n": "no name"}),  # of which urllib3 warns, with the whole URL
        ],
        Fault.REFUSED: [Answer(400, REPEATS)],
        Fault.FORBIDDEN: [Answer(status, REPEATS) for status in (401, 403)],
        Fault.GONE: [Answer(status, REPEATS) for status in (404, 410)],
        Fault.REDIRECTS: [Answer(status, REPEATS, {"Location": "/elsewhere"}) for status in (301, 302, 303, 307, 308)],
        Fault.UNREACHABLE: [Answer()],
        Fault.SILENT: [Answer()],
        Fault.RESETS: [Answer(cut="before"), Answer(cut="middle")],
        Fault.HANGS: [Answer(delay=3600)],
        Fault.DRIPS: [Answer(body=ENDLESS, drip=0.02), Answer(body=ENDLESS, drip=0.02, whole=True)],
    }

    def __init__(self) -> None:
        super().__init__()
        self.path = f"/hook/{self.new_token()}"
        self._port = 0
        self._server: FaultyServer | None = None
        self._crowd: list[socket.socket] = []  # connections that nobody takes
        self._answer: Answer | None = None
        self._over = threading.Event()

    @property
    def url(self) -> str:
        """Where to send to. Its path is a secret."""
        return f"http://127.0.0.1:{self._port}{self.path}"

    def secret(self, name: str, value: str | None = None) -> Secret:
        """A secret as the Lambda gives it to `create`: the URL, if no value is given."""
        return super().secret(name, self.url if value is None else value)

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Webhooks on this machine are taken where AWS is on it too (see `batchbell.webhook.url_problem`)."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")

    def start(self) -> None:
        self._server = FaultyServer(self._port, self._receive, self._over.wait)
        self._port = self._server.port
        self._server.begin("webhook")

    def stop(self) -> None:
        self._over.set()
        self._close()

    def behave(self, fault: Fault, answer: Answer) -> None:
        if fault in (Fault.UNREACHABLE, Fault.SILENT):
            self._close()
        if fault is Fault.SILENT:
            self._crowd = list(_fill_queue(self._port))
        self._answer = answer

    def recover(self) -> None:
        self._answer = None
        if self._server is None:
            self._close()
            self.start()

    def accepts(self, request: Request) -> str | None:
        return None

    def text_of(self, request: Request) -> str:
        """All texts of a body in JSON or of a form, or the body as it is."""
        text = request.body.decode("utf-8", "replace")
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return "\n".join(value for _, value in parse_qsl(text))
        try:
            return "\n".join(_texts(json.loads(text)))
        except ValueError:
            return text

    def waiting_time(self, answer: Answer) -> float | None:
        asked = answer.headers.get("Retry-After")
        return None if asked is None else float(asked)

    def name_of(self, answer: Answer) -> str:
        how = [name for name in ("delay", "drip", "whole") if getattr(answer, name)]
        return "-".join([str(answer.status), *how, *([f"cut-{answer.cut}"] if answer.cut else [])])

    def _receive(self, request: Request) -> Answer:
        self.arrived.append(request)
        answer = self._answer
        if answer is None:
            if fault := self._find_fault(request):
                return Answer(400, fault)
            self.taken.append(request)
            return self.success
        if request.path == answer.headers.get("Location"):
            return self.success  # for who follows a redirect
        if REPEATS not in answer.body:
            return answer
        # Secrets first: a reason that shows the start of an answer shows them.
        secret_first = sorted(request.headers.values(), key=lambda value: not self._holds_secret(value))
        said = " ".join([request.method, request.path, *secret_first, request.body.decode("utf-8", "replace")])
        harmless = _SPECIAL.sub(" ", said)  # within a text of JSON, XML or HTML
        return dataclasses.replace(answer, body=answer.body.replace(REPEATS, harmless))

    def _holds_secret(self, text: str) -> bool:
        return any(secret in text for secret in self.secret_texts)

    def _find_fault(self, request: Request) -> str | None:
        if not request.path.startswith(self.path):
            return f"{request.path} is not the webhook's path"
        try:
            return self.accepts(request)
        except Exception as error:  # the test that looks at what arrived meets it again
            return f"accepts raised {type(error).__name__}"

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.end()
            server.cut_connections()
        for connection in self._crowd:
            connection.close()
        self._crowd = []


def _fill_queue(port: int) -> Iterator[socket.socket]:
    """Listen, and take no connection: when its queue is full, who connects is not even refused."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(0)
    yield listening
    for _ in range(4):
        waiting = socket.socket()
        waiting.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            waiting.connect(("127.0.0.1", port))
        yield waiting


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
