"""An HTTP server on this machine that says what it is told to, and in the ways in which servers and networks fail.
Standard library only: the local Slack and the conformance kit are built on it."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What to say to a request. Times in seconds: `delay` before the answer, `drip` between its bytes: of its body, or
    of the `whole` answer. `cut`: the connection is reset "before" the answer or in its "middle"."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    whole: bool = False
    cut: str = ""


@dataclass(frozen=True)
class Request:
    """What came. `headers` has lower-case names."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class FaultyServer(http.server.ThreadingHTTPServer):
    """Listens on 127.0.0.1 and gives the answers of `receive`; `wait` sleeps for so many seconds, or until the end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # the default of 5 resets connections when more callers come at once

    def __init__(self, port: int, receive: Callable[[Request], Answer], wait: Callable[[float], object]) -> None:
        """`port`: 0 for any free one."""
        self.receive, self.wait = receive, wait
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def begin(self, name: str) -> None:
        """Serve in a thread of this name until `end`."""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True, name=name).start()

    def end(self) -> None:
        """Close the port: new connections are refused; those that are open live on."""
        self.shutdown()
        self.server_close()

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
        """A caller that hangs up is no fault of the server: say nothing."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FaultyServer
    protocol_version = "HTTP/1.1"  # keeps connections open, as most services do

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.receive(Request(self.command, self.path, headers, body))
        self.server.wait(answer.delay)
        if answer.cut == "before":
            self._cut()
            return
        text = answer.body.encode("utf-8", "surrogateescape")  # "\udcff" is the byte 0xff, which is no UTF-8
        self.send_response(answer.status)
        for name, value in {"Content-Type": "text/html", **answer.headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        if answer.drip and answer.whole:
            text = self._take_head() + text
        else:
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

    def _take_head(self) -> bytes:
        """The status line and headers, which are then not sent."""
        lines: list[bytes] = self._headers_buffer  # type: ignore[attr-defined, unused-ignore]
        head = b"".join(lines) + b"\r\n"
        lines.clear()
        return head

    def _cut(self) -> None:
        """A reset, as a crashed server or a router gives it: no end of the answer, no end of the connection."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # at once: the usual end would say goodbye first
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """A path may be a secret: nothing is written anywhere."""
