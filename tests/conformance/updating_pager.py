"""A correct notifier whose channel can change what it has sent, and its fake endpoint."""

from __future__ import annotations

import json
from typing import Any

from batchbell.conformance import Fault, Request, Response
from batchbell.contract import Message
from tests.conformance.pager import Pager, PagerEndpoint, Reply


class UpdatingPagerEndpoint(PagerEndpoint):
    """Answers each page with its number. A page may replace an earlier one, or answer it."""

    responses = PagerEndpoint.responses | {Fault.FALSE_SUCCESS: [Response(202, "<html>"), Response(202, "[]")]}

    def respond(self, request: Request) -> Response:
        return Response(202, json.dumps({"status": "success", "page": self.replaces(request) or f"p{self.pages}"}))

    @property
    def pages(self) -> int:
        return sum(self.replaces(request) is None for request in self.accepted)

    def replaces(self, request: Request) -> str | None:
        replaced: str | None = json.loads(request.body).get("replaces")
        return replaced

    def answers(self, request: Request) -> str:
        return str(json.loads(request.body).get("answers", ""))


class UpdatingPager(Pager):
    def send(self, message: Message) -> Any:
        return self.page(message, {"answers": message.reply_to} if message.reply_to else {})

    def update(self, message: Message, receipt: str) -> None:
        self.page(message, {"replaces": receipt})

    def page(self, message: Message, fields: dict[str, Any]) -> str:
        url, body = self.webhook.reveal(), json.dumps({**self.render(message), **fields})
        reply = self.post(url, body, {})
        if reply.status in (401, 403, 404, 410) and (rotated := self.rotated(url)) != url:
            reply = self.post(rotated, body, {})
        self.raise_for(reply)
        return str(json.loads(reply.body)["page"])

    def raise_for(self, reply: Reply) -> None:
        try:
            page = json.loads(reply.body)["page"] if reply.status == 202 else None
        except (ValueError, KeyError, TypeError):
            page = None
        # Pager knows only the body of a page that has no number.
        super().raise_for(reply._replace(body=PagerEndpoint.success.body if page else ""))
