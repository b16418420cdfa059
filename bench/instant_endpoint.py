"""A local TLS endpoint that stands for AWS and Slack: it responds at once and records each request with its time."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import certifi
import trustme

from bench.canned_responses import SLACK, SLACK_PATH, CannedResponses, UnexpectedCall, read_action


@dataclass(frozen=True)
class RecordedRequest:
    """A request that the endpoint received.

    action: as IAM names it, or "slack"
    at: when the whole request had arrived (monotonic, seconds)
    """

    action: str
    at: float
    body: str = field(default="", repr=False)


class InstantEndpoint:
    """The endpoint; a context manager. `ca_bundle` is a file with the usual certificate authorities and its own."""

    def __init__(self, folder: Path) -> None:
        self.ca_bundle = folder / "authorities.pem"
        self.slack_delay = 0.0  # seconds before Slack responds
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._problems: list[str] = []
        authority = trustme.CA()
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", not_after=tomorrow).configure_cert(context)
        # With all the usual authorities, since reading that file is part of a cold start.
        self.ca_bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        self._server = _TlsServer(context, self)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._responses = CannedResponses(self.url + SLACK_PATH)

    def __enter__(self) -> InstantEndpoint:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="endpoint").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def set_failed_children(self, children: Sequence[Mapping[str, Any]]) -> None:
        """Make ListJobs return these summaries of failed children from now on."""
        self._responses = CannedResponses(self.url + SLACK_PATH, children)

    def take_requests(self) -> Sequence[RecordedRequest]:
        """Return the requests since the last call of this method. Raises UnexpectedCall if there was one."""
        with self._lock:
            requests, self._requests = self._requests, []
            problems, self._problems = self._problems, []
        if problems:
            raise UnexpectedCall("; ".join(problems))
        return requests

    def respond(self, path: str, headers: dict[str, str], body: bytes) -> bytes | None:
        """Record a request and return the response's body, or None for an unexpected call."""
        at = time.monotonic()
        try:
            action = read_action(path, headers, body)
            text = self._responses.respond(action, body)
        except UnexpectedCall as unexpected:
            with self._lock:
                self._problems.append(str(unexpected))
            return None
        with self._lock:
            self._requests.append(RecordedRequest(action, at, body.decode("utf-8", "replace")))
        if action == SLACK and self.slack_delay:
            time.sleep(self.slack_delay)
        return text


class _TlsServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext, endpoint: InstantEndpoint) -> None:
        self.context, self.endpoint = context, endpoint
        super().__init__(("127.0.0.1", 0), _ServiceHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Do the TLS handshake in the connection's own thread."""
        with self.context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: a function that ends cuts its connections."""


class _ServiceHandler(http.server.BaseHTTPRequestHandler):
    server: _TlsServer
    protocol_version = "HTTP/1.1"
    # An answer must not wait until the client has acknowledged TLS's session tickets, 40 ms later.
    disable_nagle_algorithm = True
    wbufsize = -1  # a response in two small packets would wait for an acknowledgement in between

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        text = self.server.endpoint.respond(self.path, headers, body)
        self.send_response(200 if text is not None else 500)
        kind = "text/xml" if text and text.startswith(b"<") else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text or b"")))
        self.end_headers()
        self.wfile.write(text or b"")

    def log_message(self, format: str, *args: Any) -> None:
        pass
