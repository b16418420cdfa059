"""A fake channel that speaks HTTP, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.contract import Secret
from batchbell.testing.faulty_server import FaultyServer, Request, Response

REQUEST_ECHO = "{the request}"  # in a response's body: is replaced by the request, which some proxies repeat
ENDLESS = "x" * 100_000
_SPECIAL = re.compile(r"[^ -~]|[\"\\<>&]")


# RFC 9110, section 10.2.3: Retry-After holds seconds or a date, in three formats (section 5.6.7). Others send anything.
RETRY_AFTER = (
    "17",
    "0",
    "Fri, 31 Dec 2066 23:59:59 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "soon",
    "-1",
    "1e999",
    "",
)


class WebhookEndpoint(Endpoint):
    """Accepts every request to its path, and responds with `success`.

    The tests look for problems afterwards, since that may take longer than a notifier waits for a response. The path of
    `url` is a secret. A subclass overrides what its channel does differently:

    - `success`: the response to an accepted message;
    - `responses`: the responses during each fault; add FALSE_SUCCESS if the channel's success has a body of its own;
    - `find_problem(request)`: what the channel refuses, and what its readers must not see;
    - `respond(request)`, `replaces(request)`, `answers(request)`: for a notifier that has `update`.
    """

    success: ClassVar[Response] = Response(200, "ok")
    responses: ClassVar[dict[Fault, Sequence[Response]]] = {
        Fault.BUSY: [Response(429, REQUEST_ECHO, {"Retry-After": asked}) for asked in RETRY_AFTER],
        Fault.BROKEN: [
            *(Response(status, REQUEST_ECHO) for status in (500, 502, 503, 504)),
            Response(503, REQUEST_ECHO, {"Retry-After": RETRY_AFTER[2]}),
            Response(500, REQUEST_ECHO, {"no colon here\r\n": "no name"}),  # urllib3 logs a warning with the whole URL
        ],
        Fault.REFUSED: [Response(400, REQUEST_ECHO)],
        Fault.FORBIDDEN: [Response(status, REQUEST_ECHO) for status in (401, 403)],
        Fault.GONE: [Response(status, REQUEST_ECHO) for status in (404, 410)],
        Fault.REDIRECTS: [
            Response(status, REQUEST_ECHO, {"Location": "/elsewhere"}) for status in (301, 302, 303, 307, 308)
        ],
        Fault.UNREACHABLE: [Response()],
        Fault.SILENT: [Response()],
        Fault.RESETS: [Response(cut="before"), Response(cut="middle")],
        Fault.HANGS: [Response(delay=3600)],
        Fault.DRIPS: [Response(body=ENDLESS, drip=0.02), Response(body=ENDLESS, drip=0.02, whole=True)],
    }

    def __init__(self) -> None:
        super().__init__()
        self.path = f"/hook/{self.new_token()}"
        self._port = 0
        self._server: FaultyServer | None = None
        self._blockers: list[socket.socket] = []  # fill the queue of a socket that accepts no connection
        self._failure: Response | None = None
        self._stopped = threading.Event()

    @property
    def url(self) -> str:
        """The address to send to. Its path is a secret."""
        return f"http://127.0.0.1:{self._port}{self.path}"

    def secret(self, name: str, value: str | None = None) -> Secret:
        """Make a secret, as the Lambda passes it to `create`. Without a value, it is the URL."""
        return super().secret(name, self.url if value is None else value)

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put AWS on this machine: `batchbell.webhook.url_problem` then accepts webhooks on it too."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")

    def start(self) -> None:
        self._server = FaultyServer(self._port, self._receive, self._stopped.wait)
        self._port = self._server.port
        self._server.begin("webhook")

    def stop(self) -> None:
        self._stopped.set()
        self._close()

    def fail_with(self, fault: Fault, response: Response) -> None:
        if fault in (Fault.UNREACHABLE, Fault.SILENT):
            self._close()
        if fault is Fault.SILENT:
            self._blockers = list(_fill_queue(self._port))
        self._failure = response

    def recover(self) -> None:
        self._failure = None
        if self._server is None:
            self._close()
            self.start()

    def find_problem(self, request: Request) -> str | None:
        return None

    def text_of(self, request: Request) -> str:
        """Return all texts of a JSON or form body; any other body as it is."""
        text = request.body.decode("utf-8", "replace")
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return "\n".join(value for _, value in parse_qsl(text))
        try:
            return "\n".join(_texts(json.loads(text)))
        except ValueError:
            return text

    def respond(self, request: Request) -> Response:
        """Return the response to an accepted message, which may have its receipt."""
        return self.success

    def retry_after_of(self, response: Response) -> float | None:
        asked = response.headers.get("Retry-After", "")
        return float(asked) if asked.isdecimal() else None

    def name_of(self, response: Response) -> str:
        how = [name for name in ("delay", "drip", "whole") if getattr(response, name)]
        how += [f"cut-{response.cut}"] if response.cut else []
        how += [f"Retry-After: {asked}" for name, asked in response.headers.items() if name == "Retry-After"]
        return "-".join([str(response.status), *how])

    def _receive(self, request: Request) -> Response:
        self.arrived.append(request)
        failure = self._failure
        if failure is None:
            if self._has_old_token(request):
                failure = self._refusal()
            elif not request.path.startswith(self.path):
                return Response(400, f"{request.path} is not the webhook's path")
            else:
                self.accepted.append(request)
                return self.respond(request)
        if request.path == failure.headers.get("Location"):
            return self.success  # for a notifier that follows a redirect
        if REQUEST_ECHO not in failure.body:
            return failure
        # Secrets first: a reason that quotes the start of a response then leaks them.
        secret_first = sorted(request.headers.values(), key=lambda value: not self._holds_secret(value))
        echo = " ".join([request.method, request.path, *secret_first, request.body.decode("utf-8", "replace")])
        harmless = _SPECIAL.sub(" ", echo)  # in a JSON, XML or HTML text
        return dataclasses.replace(failure, body=failure.body.replace(REQUEST_ECHO, harmless))

    def on_rotation(self, new: Mapping[str, str]) -> None:
        self.path = self.renewed(self.path, new)

    def _has_old_token(self, request: Request) -> bool:
        texts = [request.path, *request.headers.values(), request.body.decode("utf-8", "replace")]
        return any(token in text for token in self.old_tokens for text in texts)

    def _refusal(self) -> Response:
        """What the channel responds to an old secret."""
        kinds = (self.responses.get(fault) for fault in (Fault.FORBIDDEN, Fault.GONE))
        return next((responses[0] for responses in kinds if responses), Response(403, "no"))

    def _holds_secret(self, text: str) -> bool:
        return any(secret in text for secret in self.secret_texts)

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.end()
            server.cut_connections()
        for connection in self._blockers:
            connection.close()
        self._blockers = []


def _fill_queue(port: int) -> Iterator[socket.socket]:
    """Listen without accepting, and fill the queue: further connections are then neither accepted nor refused."""
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
