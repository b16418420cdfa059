"""A Slack incoming webhook on this machine: records requests, refuses what Slack would refuse, fails on demand."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from batchbell.testing import faulty_server
from batchbell.testing.faulty_server import Request

from .listening import Listening, RateLimit
from .webhook_rules import find_violation

__all__ = ["ReceivedRequest", "SlackResponse", "SlackSink"]

OK = "ok"
# Slack's body for each status ("Sending messages using incoming webhooks", "Handling errors"; "Rate limits").
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
class SlackResponse(faulty_server.Response):
    """A response to send, whatever the payload is."""

    @classmethod
    def of(
        cls, status: int, *, body: str | None = None, headers: Mapping[str, str] | None = None, **how: Any
    ) -> SlackResponse:
        """A response with the body and headers that Slack sends with the status, unless they are given."""
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
class ReceivedRequest(Request):
    """One request. `violation` says why Slack would have refused it; empty if it would not."""

    answered: int
    violation: str = ""


class SlackSink(Listening):
    """A running webhook. Start it with `start()`, use it as a context manager or call `stop()`."""

    def __init__(self) -> None:
        super().__init__("slack-sink")
        self._path = f"/services/T{new_token(10).upper()}/B{new_token(10).upper()}/{new_token(WEBHOOK_SECRET_LENGTH)}"
        self._received: list[ReceivedRequest] = []
        self._accepted: list[dict[str, Any]] = []
        self._response: SlackResponse | None = None
        self._responses_left: int | None = None
        self._decide: Callable[[str], SlackResponse | None] = lambda body: None
        self._on_accepted: Callable[[str], None] = lambda body: None
        self._rate: RateLimit | None = None

    @property
    def url(self) -> str:
        """The webhook's URL; the same for the sink's whole life. Its path is the secret."""
        return f"http://127.0.0.1:{self._port}{self._path}"

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The payloads that got 200 and `ok`, in the order of arrival."""
        with self._changed:
            return list(self._accepted)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """All requests, whatever response they got."""
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
        """Give this response from now on: to the next `times` requests, or until the next call.

        body, headers: by default what Slack sends with the status (429 has `Retry-After: 1`).
        delay, drip, cut: see `SlackResponse`.

        A payload that gets 200 and `ok` counts as accepted on arrival, even if the caller gives up before the response
        arrives. `answer(status=200)` restores the usual behaviour.
        """
        response = SlackResponse.of(status, body=body, headers=headers, delay=delay, drip=drip, cut=cut)
        with self._changed:
            self._response = response
            self._responses_left = times

    def answer_with(self, decide: Callable[[str], SlackResponse | None]) -> None:
        """Let `decide` choose the response to each payload (JSON text); None means the usual one."""
        with self._changed:
            self._decide = decide

    def on_accepted(self, act: Callable[[str], None]) -> None:
        """Call `act` with each accepted payload (JSON text) before the response is sent."""
        with self._changed:
            self._on_accepted = act

    def limit(self, per_second: float, burst: int = 1) -> None:
        """Accept `per_second` messages a second after a burst of `burst`, and answer 429 to the others.

        Slack accepts about one a second for a webhook ("Rate limits").
        """
        with self._changed:
            self._rate = RateLimit(per_second, burst)

    def wait_for(self, count: int, timeout: float = 10.0) -> list[dict[str, Any]]:
        """Wait until `count` payloads are accepted and return them all; raise TimeoutError after `timeout` seconds."""
        return self._wait(lambda: len(self._accepted) >= count, f"{count} accepted payloads", timeout)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[dict[str, Any]]:
        """Wait until `count` requests have arrived, whatever their response; return the accepted payloads."""
        return self._wait(lambda: len(self._received) >= count, f"{count} requests", timeout)

    def _wait(self, reached: Callable[[], bool], what: str, timeout: float) -> list[dict[str, Any]]:
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                answered = [(request.answered, request.violation) for request in self._received]
                raise TimeoutError(f"Slack sink: fewer than {what} within {timeout} s; responses so far: {answered}")
            return list(self._accepted)

    def _receive(self, request: Request) -> SlackResponse:
        """Record one request and choose its response."""
        body = request.body
        violation = find_violation(request.method, request.headers.get("content-type", ""), body)
        with self._changed:
            response = self._next_response(body.decode("utf-8", "replace"))
            if request.path != self._path:
                response = SlackResponse.of(404)
            elif violation and response.status == HTTPStatus.OK:
                response = SlackResponse.of(400, delay=response.delay)
            elif response.accepts and self._rate and not self._rate.take():
                response = SlackResponse.of(429)
            self._received.append(ReceivedRequest(**vars(request), answered=response.status, violation=violation))
            if response.accepts:
                self._accepted.append(json.loads(body))
            self._changed.notify_all()
            act = self._on_accepted
        if response.accepts:
            act(body.decode())
        return response

    def _next_response(self, body: str) -> SlackResponse:
        if (chosen := self._decide(body)) is not None:
            return chosen
        if self._response is None or self._responses_left == 0:
            return SlackResponse()
        if self._responses_left is not None:
            self._responses_left -= 1
        return self._response


def new_token(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
