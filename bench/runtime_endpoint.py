"""Lambda's runtime endpoint on this machine: sends events to a function's process and receives its responses.

Source: Lambda Developer Guide, "Using the Lambda runtime API".
"""

from __future__ import annotations

import http.server
import json
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEXT = "/2018-06-01/runtime/invocation/next"
PREFIX = "/2018-06-01/runtime/"


class FunctionFailed(Exception):
    """The function did not start, raised, or did not respond in time; the text says which."""


@dataclass(frozen=True)
class InvocationResult:
    """The result of an invocation. Times are monotonic seconds: when the function took the event and responded."""

    response: Any
    started: float
    ended: float

    @property
    def duration(self) -> float:
        return self.ended - self.started


class RuntimeEndpoint:
    """The endpoint of one function's process; a context manager."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: of the function, in seconds."""
        self._timeout = timeout
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[float] = queue.SimpleQueue()  # when the process asked for an event
        self._given: queue.SimpleQueue[float] = queue.SimpleQueue()  # when it got one
        self._responses: queue.SimpleQueue[tuple[str, Any, float]] = queue.SimpleQueue()
        self._server = _RuntimeServer(("127.0.0.1", 0), _RuntimeHandler)
        self._server.endpoint = self
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RuntimeEndpoint:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="runtime").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def wait_until_ready(self) -> float:
        """Wait until the process asks for its next event, and return when it did (monotonic, seconds)."""
        try:
            return self._asked.get(timeout=self._timeout)
        except queue.Empty:
            raise FunctionFailed(self._why("the function's process did not start")) from None

    def invoke(self, event: Any) -> InvocationResult:
        """Send an event and wait for the result. Raises FunctionFailed."""
        self.send(event)
        return self.wait_for_result()

    def send(self, event: Any) -> None:
        self._events.put(event)

    def wait_for_result(self) -> InvocationResult:
        """Wait for the result of the event that was sent. Raises FunctionFailed."""
        try:
            kind, response, ended = self._responses.get(timeout=self._timeout)
        except queue.Empty:
            raise FunctionFailed(f"no response within {self._timeout:g} s") from None
        if kind != "response":
            raise FunctionFailed(f"{kind}: {response}")
        return InvocationResult(response, self._given.get(), ended)

    def _why(self, text: str) -> str:
        return text if self._responses.empty() else f"{text}: {self._responses.get()[1]}"

    def next_event(self) -> Any:
        self._asked.put(time.monotonic())
        event = self._events.get()
        self._given.put(time.monotonic())
        return event

    def receive_response(self, path: str, body: bytes) -> None:
        self._responses.put((path.rpartition("/")[2], json.loads(body or b"null"), time.monotonic()))

    def headers(self) -> Mapping[str, str]:
        ends = int((time.time() + self._timeout) * 1000)
        return {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(ends),
            "Lambda-Runtime-InvocationResult-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        }


class _RuntimeServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    endpoint: RuntimeEndpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: a function that ends cuts its connection."""


class _RuntimeHandler(http.server.BaseHTTPRequestHandler):
    server: _RuntimeServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path != NEXT:
            self._respond(404, b"")
            return
        event = self.server.endpoint.next_event()
        self._respond(200, json.dumps(event).encode(), self.server.endpoint.headers())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.endpoint.receive_response(self.path.removeprefix(PREFIX), body)
        self._respond(202, b"{}")

    def _respond(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        # Without a Content-Type, awslambdaric's native client ends with a segmentation fault (4.2.2, tried).
        always = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**(headers or {}), **always}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
