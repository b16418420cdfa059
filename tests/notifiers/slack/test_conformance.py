"""Slack, through the kit that every notifier is tested with."""

from __future__ import annotations

from batchbell.conformance import Answer, Fault, NotifierConformance, Request, WebhookEndpoint
from batchbell.contract import Notifier
from batchbell.local.slack_rules import find_fault
from notifiers.slack.notifier import create


class SlackEndpoint(WebhookEndpoint):
    answers = WebhookEndpoint.answers | {
        Fault.STRANGE: [Answer(200, body) for body in ("<html>Log in to the proxy</html>", "OK", "okay", "", "ok\nok")]
    }

    def accepts(self, request: Request) -> str | None:
        return find_fault(request.method, request.headers.get("content-type", ""), request.body)


class TestSlack(NotifierConformance):
    endpoint_type = SlackEndpoint

    def make(self, endpoint: SlackEndpoint) -> Notifier:
        return create({}, {"webhook": endpoint.secret("webhook")})
