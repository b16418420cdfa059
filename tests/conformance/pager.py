"""A correct notifier, and its fake endpoint."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from batchbell.conformance import Fault, Request, Response, WebhookEndpoint
from batchbell.contract import Message, PermanentError, Secret, TemporaryError
from batchbell.texts import as_text, cut, tidy
from batchbell.time_limit import call_within
from batchbell.webhook import read_retry_after

LIMITS = {"summary": 200, "details": 5_000}  # characters
REFUSALS = (401, 403, 404, 410)  # perhaps since the webhook was rotated
SEND_LIMIT = 3.0  # seconds; the tests of faults shorten it


class PagerEndpoint(WebhookEndpoint):
    success = Response(202, '{"status": "success"}')
    responses = WebhookEndpoint.responses | {Fault.FALSE_SUCCESS: [Response(202, "<html>"), Response(200, "")]}

    def find_problem(self, request: Request) -> str | None:
        payload = json.loads(request.body)
        for field, limit in LIMITS.items():
            text = payload.get(field, "")
            if len(text) > limit:
                return f"{field} has {len(text)} characters, more than {limit}"
            if "<!" in text:
                return f"a mention in {field}"
        return None


class Reply(NamedTuple):
    status: int
    body: str
    retry_after: str | None = None
    location: str | None = None


class Pager:
    def __init__(self, webhook: Secret) -> None:
        self.webhook = webhook

    def render(self, message: Message) -> dict[str, Any]:
        message = self.clean(message)
        texts = {"summary": message.title, "details": as_text(message)}
        return {field: cut(text.replace("<", "&lt;"), LIMITS[field]) for field, text in texts.items()}

    def clean(self, message: Message) -> Message:
        return tidy(message)

    def send(self, message: Message) -> None:
        url, body = self.webhook.reveal(), json.dumps(self.render(message))
        reply = self.post(url, body, {})
        if reply.status in REFUSALS and (rotated := self.rotated(url)) != url:
            reply = self.post(rotated, body, {})
        self.raise_for(reply)

    def rotated(self, url: str) -> str:
        self.webhook.refresh()
        return self.webhook.reveal()

    def raise_for(self, reply: Reply) -> None:
        match reply.status:
            case 202 if reply.body == PagerEndpoint.success.body:
                return
            case status if status == 429 or status >= 500:
                raise TemporaryError(f"the pager answered {status}", self.wait_of(reply))
            case status:
                raise PermanentError(f"the pager answered {status}")

    def wait_of(self, reply: Reply) -> float | None:
        return read_retry_after(reply.retry_after)

    @property
    def limit(self) -> float:
        return SEND_LIMIT

    def post(self, url: str, body: str, headers: dict[str, str]) -> Reply:
        sent: list[bool] = []
        try:
            return call_within(self.limit, lambda: self.exchange(url, body, headers, sent))
        except Exception as error:
            trouble = type(error).__name__
        raise TemporaryError(f"the pager gave no answer ({trouble})", maybe_delivered=bool(sent))

    def exchange(self, url: str, body: str, headers: dict[str, str], sent: list[bool]) -> Reply:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        try:
            connection.connect()
            sent.append(True)
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return Reply(answer.status, text, answer.getheader("Retry-After"), answer.getheader("Location"))
        finally:
            connection.close()
