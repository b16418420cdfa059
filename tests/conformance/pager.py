"""A correct notifier, and its fake endpoint."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from batchbell.conformance import Fault, Request, Response, WebhookEndpoint
from batchbell.contract import Message, PermanentError, Secret, TemporaryError
from batchbell.texts import cut, tidy
from batchbell.time_limit import call_within

SUMMARY_LIMIT = 200  # characters
SEND_LIMIT = 3.0  # seconds; the tests of faults shorten it


class PagerEndpoint(WebhookEndpoint):
    success = Response(202, '{"status": "success"}')
    responses = WebhookEndpoint.responses | {Fault.FALSE_SUCCESS: [Response(202, "<html>"), Response(200, "")]}

    def find_problem(self, request: Request) -> str | None:
        summary = json.loads(request.body)["summary"]
        if len(summary) > SUMMARY_LIMIT:
            return f"summary has {len(summary)} characters, more than {SUMMARY_LIMIT}"
        return "a mention in summary" if "<!" in summary else None


class Reply(NamedTuple):
    status: int
    body: str
    retry_after: str | None = None
    location: str | None = None


class Pager:
    def __init__(self, webhook: Secret) -> None:
        self.webhook = webhook

    def render(self, message: Message) -> dict[str, Any]:
        return {"summary": cut(self.clean(message).title.replace("<", "&lt;"), SUMMARY_LIMIT)}

    def clean(self, message: Message) -> Message:
        return tidy(message)

    def send(self, message: Message) -> None:
        self.raise_for(self.post(self.webhook.reveal(), json.dumps(self.render(message)), {}))

    def raise_for(self, reply: Reply) -> None:
        match reply.status:
            case 202 if reply.body == PagerEndpoint.success.body:
                return
            case status if status == 429 or status >= 500:
                wait = None if reply.retry_after is None else float(reply.retry_after)
                raise TemporaryError(f"the pager answered {status}", wait)
            case status:
                raise PermanentError(f"the pager answered {status}")

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
