"""The server behind a Slack sink: says what it is told to, and in the ways in which servers and networks fail."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

OK = "ok"
# What Slack answers with a status ("Sending messages using incoming webhooks", "Handling errors"; "Rate limits").
BODIES = {
    200: OK,
    400: "invalid_payload",
    403: "action_prohibited",
    404: "no_service",
    410: "channel_is_archived",
    429: '{"ok": false, "error": "rate_limited"}',
    500: "rollup_error",
}
HEADERS = {429: {"Retry-After": "1", "Content-Type": "application/json"}}


@dataclass(frozen=True)
class Answer:
    """What to say instead of judging the payload. `delay` and `drip` in seconds: before the answer, and between the
    bytes of its body; `cut`: the connection is cut "before" the answer or in its "middle"."""

    status: int = 200
    body: str = OK
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    cut: str = ""

    @classmethod
    def of(
        cls, status: int, *, body: str | None = None, headers: Mapping[str, str] | None = None, **how: Any
    ) -> Answer:
        """With the body and headers that Slack sends with the status, unless they are given."""
        return cls(
            status,
            BODIES.get(status, "") if body is None else body,
            HEADERS.get(status, {}) if headers is None else headers,
            **how,
        )

    @property
    def accepts(self) -> bool:
        return self.status == HTTPStatus.OK and self.body == OK


Receive = Callable[[str, str, Mapping[str, str], bytes], Answer]  # method, path, headers in lower case, body


class SlackServer(http.server.ThreadingHTTPServer):
    """Listens on 127.0.0.1 and gives the answers of `receive`; `wait` sleeps for so many seconds, or until the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # the default of 5 resets connections when more callers come at once

    def __init__(self, port: int, receive: Receive, wait: Callable[[float], object]) -> None:
        """`port`: 0 for any free one."""
        self.receive, self.wait = receive, wait
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no fault of the sink: say nothing."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: SlackServer
    protocol_version = "HTTP/1.1"  # keeps connections open, as Slack does

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.receive(self.command, self.path, headers, body)
        self.server.wait(answer.delay)
        if answer.cut == "before":
            self._cut()
            return
        text = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "text/html", **answer.headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.cut:
            self.wfile.write(text[: len(text) // 2])
            self._cut()
        elif answer.drip:
            for byte in text:
                self.server.wait(answer.drip)
                self.wfile.write(bytes([byte]))
        elif self.command != "HEAD":
            self.wfile.write(text)

    def _cut(self) -> None:
        """A reset, as a crashed server or a router gives it: no end of the answer, no end of the connection."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # at once: the usual end would say goodbye first
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """The path is the webhook's secret: nothing is written anywhere."""
