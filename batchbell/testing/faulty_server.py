"""A local HTTP server with scripted responses that can fail the way servers and networks do. Standard library only.

The conformance tests and the local Slack are built on it.
"""

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
class Response:
    """A scripted response.

    delay: seconds before the response.
    drip: seconds between two bytes of the body, or of the whole response if `whole`.
    cut: reset the connection "before" the response or in its "middle".
    """

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    whole: bool = False
    cut: str = ""


@dataclass(frozen=True)
class Request:
    """A received request; the names of its headers are in lower case."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class FaultyServer(http.server.ThreadingHTTPServer):
    """Listens on 127.0.0.1 and responds as `receive` decides."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # with the default of 5, connections are reset when more clients connect at once

    def __init__(self, port: int, receive: Callable[[Request], Response], wait: Callable[[float], object]) -> None:
        """Bind the port.

        port: 0 for any free one.
        receive: returns the response to a request.
        wait: sleeps for the given seconds; it may return early when the test ends.
        """
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
        """Close the port: new connections are refused, open ones continue."""
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
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a client that hangs up is not an error of the server."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FaultyServer
    protocol_version = "HTTP/1.1"  # keeps connections open, as most services do

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.receive(Request(self.command, self.path, headers, body))
        self.server.wait(response.delay)
        if response.cut == "before":
            self._cut()
            return
        text = response.body.encode("utf-8", "surrogateescape")  # "\udcff" is the byte 0xff
        self.send_response(response.status)
        for name, value in {"Content-Type": "text/html", **response.headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        if response.drip and response.whole:
            text = self._take_head() + text
        else:
            self.end_headers()
        if response.cut:
            self.wfile.write(text[: len(text) // 2])
            self._cut()
        elif response.drip:
            for byte in text:
                self.server.wait(response.drip)
                self.wfile.write(bytes([byte]))
        elif self.command != "HEAD":
            self.wfile.write(text)

    def _take_head(self) -> bytes:
        """Return the status line and headers, which are then not sent by the base class."""
        lines: list[bytes] = self._headers_buffer  # type: ignore[attr-defined, unused-ignore]
        head = b"".join(lines) + b"\r\n"
        lines.clear()
        return head

    def _cut(self) -> None:
        """Reset the connection, as a crashed server or a router does."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # close() would shut the connection down cleanly first
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a path may be a secret."""
