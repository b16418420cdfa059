"""The conformance tests of the Slack notifier."""

from __future__ import annotations

import json

from batchbell.conformance import Fault, NotifierConformance, Request, Response, WebhookEndpoint
from batchbell.contract import Notifier
from batchbell_local.slack.webhook_rules import find_violation
from notifiers.slack.blocks import BLOCKS_LIMIT
from notifiers.slack.notifier import create
from tests.notifiers.slack.payload import find_markup, texts


class SlackEndpoint(WebhookEndpoint):
    responses = WebhookEndpoint.responses | {
        Fault.FALSE_SUCCESS: [
            Response(200, body)
            for body in ("<html>Log in to the proxy</html>", "OK", "okay", "", "ok\nok", "invalid_token")
        ]
        + [Response(204, "")]
    }

    def find_problem(self, request: Request) -> str | None:
        if fault := find_violation(request.method, request.headers.get("content-type", ""), request.body):
            return fault
        payload = json.loads(request.body)
        if (size := len(json.dumps(payload["blocks"], ensure_ascii=False))) > BLOCKS_LIMIT:
            return f"blocks of {size} characters"
        if not all(text.strip() for text in texts(payload, "plain_text")):
            return "an empty text"
        return find_markup(payload)


class TestSlack(NotifierConformance):
    endpoint_type = SlackEndpoint

    def make(self, endpoint: SlackEndpoint) -> Notifier:
        return create({}, {"webhook": endpoint.secret("webhook")})
