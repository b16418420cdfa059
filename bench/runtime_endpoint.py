"""Lambda's runtime endpoint on this machine: hands events to a function's process, and takes its answers.

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
from types import TracebackType
from typing import Any

NEXT = "/2018-06-01/runtime/invocation/next"
PREFIX = "/2018-06-01/runtime/"


class FunctionFailed(Exception):
    """The function did not start, raised, or gave no answer in time; the text says which."""


@dataclass(frozen=True)
class Invoked:
    """One invocation: what the function answered, and when it took the event and answered (monotonic, seconds)."""

    answer: Any
    began: float
    ended: float


class RuntimeEndpoint:
    """A context manager. One function's process at a time."""

    def __init__(self, timeout: float) -> None:
        """`timeout`: the function's, in seconds."""
        self._timeout = timeout
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[float] = queue.SimpleQueue()  # when the process asked for an event
        self._given: queue.SimpleQueue[float] = queue.SimpleQueue()  # when it got one
        self._answers: queue.SimpleQueue[tuple[str, Any, float]] = queue.SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RuntimeEndpoint:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="runtime").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def wait_until_ready(self) -> float:
        """When the process asked for its first event, or for the next one after an answer (monotonic)."""
        try:
            return self._asked.get(timeout=self._timeout)
        except queue.Empty:
            raise FunctionFailed(self._why("the function's process did not start")) from None

    def invoke(self, event: Any) -> Invoked:
        """Hand an event over and wait for the answer. Raises FunctionFailed."""
        self.hand_over(event)
        return self.result()

    def hand_over(self, event: Any) -> None:
        self._events.put(event)

    def result(self) -> Invoked:
        """Of the event that was handed over."""
        try:
            kind, answer, ended = self._answers.get(timeout=self._timeout)
        except queue.Empty:
            raise FunctionFailed(f"no answer within {self._timeout:g} s") from None
        if kind != "response":
            raise FunctionFailed(f"{kind}: {answer}")
        return Invoked(answer, self._given.get(), ended)

    def _why(self, text: str) -> str:
        return text if self._answers.empty() else f"{text}: {self._answers.get()[1]}"

    def next_event(self) -> Any:
        self._asked.put(time.monotonic())
        event = self._events.get()
        self._given.put(time.monotonic())
        return event

    def take_answer(self, path: str, body: bytes) -> None:
        self._answers.put((path.rpartition("/")[2], json.loads(body or b"null"), time.monotonic()))

    def headers(self) -> Mapping[str, str]:
        ends = int((time.time() + self._timeout) * 1000)
        return {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(ends),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        }


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    endpoint: RuntimeEndpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that ends cuts its connection."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path != NEXT:
            self._answer(404, b"")
            return
        event = self.server.endpoint.next_event()
        self._answer(200, json.dumps(event).encode(), self.server.endpoint.headers())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.endpoint.take_answer(self.path.removeprefix(PREFIX), body)
        self._answer(202, b"{}")

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        # Without a type of content, awslambdaric's native client ends with a segmentation fault (4.2.2, tried).
        always = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**(headers or {}), **always}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
