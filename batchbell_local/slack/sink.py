"""A Slack incoming webhook on this machine: records what it gets, refuses what Slack would refuse, fails on demand."""

from __future__ import annotations

import json
import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any

from batchbell.testing import faulty_server
from batchbell.testing.faulty_server import FaultyServer, Request

from .webhook_rules import find_fault

__all__ = ["Answer", "Received", "SlackSink"]

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

WEBHOOK_SECRET_LENGTH = 24  # characters, as in Slack's own webhook URLs


@dataclass(frozen=True)
class Answer(faulty_server.Response):
    """What to say instead of judging the payload."""

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


@dataclass(frozen=True)
class Received(Request):
    """One request. `fault` says what Slack would not have taken, or is empty."""

    answered: int
    fault: str = ""


class SlackSink:
    """A running webhook. Start it with `start()`, use it as a context manager or call `stop()`."""

    def __init__(self) -> None:
        self._path = f"/services/T{_token(10).upper()}/B{_token(10).upper()}/{_token(WEBHOOK_SECRET_LENGTH)}"
        self._port = 0
        self._server: FaultyServer | None = None
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._accepted: list[dict[str, Any]] = []
        self._answer: Answer | None = None
        self._answers_left: int | None = None
        self._decide: Callable[[str], Answer | None] = lambda body: None
        self._on_accepted: Callable[[str], None] = lambda body: None
        self._rate: tuple[float, int] | None = None
        self._allowance, self._counted = 0.0, 0.0
        self._stopped = threading.Event()

    @classmethod
    def start(cls) -> SlackSink:
        """Start one on a free port of 127.0.0.1."""
        sink = cls()
        sink.listen()
        return sink

    def __enter__(self) -> SlackSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The webhook's URL; the same for the sink's whole life. Its path is the secret."""
        return f"http://127.0.0.1:{self._port}{self._path}"

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The payloads that were answered with 200 and `ok`, in the order of arrival."""
        with self._changed:
            return list(self._accepted)

    @property
    def requests(self) -> list[Received]:
        """All requests, whatever was answered."""
        with self._changed:
            return list(self._received)

    def answer(
        self,
        *,
        status: int,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        drip: float = 0.0,
        cut: str = "",
        times: int | None = None,
    ) -> None:
        """Answer so from now on, for the next `times` requests or until the next call.

        body and headers default to what Slack sends with the status (429: with `Retry-After: 1`); delay, drip and cut:
        see `Answer`. A payload that is answered with 200 and `ok` counts as accepted when it arrives, so that a caller
        that gives up meanwhile has lost only the answer. `answer(status=200)` is the sink's usual behaviour again.
        """
        answer = Answer.of(status, body=body, headers=headers, delay=delay, drip=drip, cut=cut)
        with self._changed:
            self._answer = answer
            self._answers_left = times

    def answer_with(self, decide: Callable[[str], Answer | None]) -> None:
        """Let `decide` choose the answer for each payload (JSON text); None: the usual one."""
        with self._changed:
            self._decide = decide

    def on_accepted(self, act: Callable[[str], None]) -> None:
        """Call `act` with each accepted payload (JSON text) before the answer goes out."""
        with self._changed:
            self._on_accepted = act

    def limit(self, per_second: float, burst: int = 1) -> None:
        """Accept so many messages a second, after `burst` at once; 429 for the others, as Slack does (its "Rate
        limits": about one a second for a webhook)."""
        with self._changed:
            self._rate = per_second, burst
            self._allowance, self._counted = float(burst), time.monotonic()

    def wait_for(self, count: int, timeout: float = 10.0) -> list[dict[str, Any]]:
        """Wait until `count` payloads are accepted and return them all; raise TimeoutError after `timeout` seconds."""
        return self._wait(lambda: len(self._accepted) >= count, f"{count} accepted payloads", timeout)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[dict[str, Any]]:
        """The same for requests of any answer; returns the accepted payloads."""
        return self._wait(lambda: len(self._received) >= count, f"{count} requests", timeout)

    def listen(self) -> None:
        """Open the port; after `stop_listening()` or `kill()` it is the same one again."""
        if self._server is None:
            self._server = FaultyServer(self._port, self._receive, self._stopped.wait)
            self._port = self._server.port
            self._server.begin("slack-sink")

    def stop_listening(self) -> None:
        """Close the port: new connections are refused; those that are open live on."""
        server, self._server = self._server, None
        if server is not None:
            server.end()

    def kill(self) -> None:
        """Close the port and cut every open connection, as the end of the process would."""
        server = self._server
        self.stop_listening()
        if server is not None:
            server.cut_connections()

    def stop(self) -> None:
        """End it for good. Safe to call again."""
        self._stopped.set()
        self.kill()

    def _wait(self, reached: Callable[[], bool], what: str, timeout: float) -> list[dict[str, Any]]:
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                answered = [(request.answered, request.fault) for request in self._received]
                raise TimeoutError(f"Slack sink: not {what} after {timeout} s; answered so far: {answered}")
            return list(self._accepted)

    def _receive(self, request: Request) -> Answer:
        """Record one request and say how it is answered."""
        body = request.body
        fault = find_fault(request.method, request.headers.get("content-type", ""), body)
        with self._changed:
            answer = self._next_answer(body.decode("utf-8", "replace"))
            if request.path != self._path:
                answer = Answer.of(404)
            elif fault and answer.status == HTTPStatus.OK:
                answer = Answer.of(400, delay=answer.delay)
            elif answer.accepts and not self._has_room():
                answer = Answer.of(429)
            self._received.append(Received(**vars(request), answered=answer.status, fault=fault))
            if answer.accepts:
                self._accepted.append(json.loads(body))
            self._changed.notify_all()
            act = self._on_accepted
        if answer.accepts:
            act(body.decode())
        return answer

    def _has_room(self) -> bool:
        if self._rate is None:
            return True
        per_second, burst = self._rate
        now = time.monotonic()
        self._allowance = min(burst, self._allowance + (now - self._counted) * per_second)
        self._counted = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _next_answer(self, body: str) -> Answer:
        if (chosen := self._decide(body)) is not None:
            return chosen
        if self._answer is None or self._answers_left == 0:
            return Answer()
        if self._answers_left is not None:
            self._answers_left -= 1
        return self._answer


def _token(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
