"""AWS and Slack at one TLS endpoint of this machine, which answers at once and notes who was asked what, and when."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import certifi
import trustme

from bench.answers import SLACK, SLACK_PATH, Answers, UnknownCall, read_action


@dataclass(frozen=True)
class Asked:
    """A request: the action as IAM names it, and when all of it had come (monotonic, seconds)."""

    action: str
    at: float
    body: str = field(default="", repr=False)


class InstantEndpoint:
    """A context manager. `authorities` is a file with the world's certificate authorities and this endpoint's own."""

    def __init__(self, folder: Path) -> None:
        self.authorities = folder / "authorities.pem"
        self.slack_delay = 0.0  # seconds before Slack answers
        self._lock = threading.Lock()
        self._asked: list[Asked] = []
        self._problems: list[str] = []
        authority = trustme.CA()
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", not_after=tomorrow).configure_cert(context)
        # As long as the usual file: to read it is a part of a cold start.
        self.authorities.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        self._server = _Server(context, self)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._answers = Answers(self.url + SLACK_PATH)

    def __enter__(self) -> InstantEndpoint:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="endpoint").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def let_fail(self, children: Sequence[Mapping[str, Any]]) -> None:
        """Batch says from now on that these children failed (ListJobs' summaries)."""
        self._answers = Answers(self.url + SLACK_PATH, children)

    def take(self) -> Sequence[Asked]:
        """The requests since the last call. Raises UnknownCall if one had no answer."""
        with self._lock:
            asked, self._asked = self._asked, []
            problems, self._problems = self._problems, []
        if problems:
            raise UnknownCall("; ".join(problems))
        return asked

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes | None:
        """None: nobody should have asked this."""
        at = time.monotonic()
        try:
            action = read_action(path, headers, body)
            text = self._answers.to(action, body)
        except UnknownCall as unknown:
            with self._lock:
                self._problems.append(str(unknown))
            return None
        with self._lock:
            self._asked.append(Asked(action, at, body.decode("utf-8", "replace")))
        if action == SLACK and self.slack_delay:
            time.sleep(self.slack_delay)
        return text


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext, endpoint: InstantEndpoint) -> None:
        self.context, self.endpoint = context, endpoint
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread, the handshake too."""
        with self.context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that ends cuts its connections."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in two small packets would wait for an acknowledgement in between

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        text = self.server.endpoint.answer(self.path, headers, body)
        self.send_response(200 if text is not None else 500)
        kind = "text/xml" if text and text.startswith(b"<") else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text or b"")))
        self.end_headers()
        self.wfile.write(text or b"")

    def log_message(self, format: str, *args: Any) -> None:
        pass
