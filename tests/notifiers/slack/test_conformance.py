"""The conformance tests of the Slack notifier, with a webhook and with a bot token."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

from batchbell.conformance import (
    REQUEST_ECHO,
    Fault,
    NotifierConformance,
    Request,
    Response,
    UpdatingNotifierConformance,
    WebhookEndpoint,
)
from batchbell.contract import Notifier, Secret
from batchbell_local.slack.webhook_rules import find_violation
from notifiers.slack.blocks import BLOCKS_LIMIT
from notifiers.slack.notifier import create
from tests.notifiers.slack.payload import find_markup, texts

CHANNEL = "C0123456789"


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


def refusal(error: str) -> Response:
    """What the Web API responds to most requests that it refuses."""
    return Response(200, json.dumps({"ok": False, "error": error}))


class WebApiEndpoint(SlackEndpoint):
    """Slack's Web API, whose address is no secret: the token is."""

    responses = WebhookEndpoint.responses | {
        Fault.BUSY: [*WebhookEndpoint.responses[Fault.BUSY], refusal("ratelimited")],
        Fault.BROKEN: [
            *WebhookEndpoint.responses[Fault.BROKEN],
            *map(refusal, ("internal_error", "fatal_error", "service_unavailable")),
        ],
        Fault.REFUSED: [*WebhookEndpoint.responses[Fault.REFUSED], *map(refusal, ("invalid_blocks", "new_error"))],
        Fault.FORBIDDEN: [
            *map(refusal, ("invalid_auth", "token_revoked", "missing_scope", "not_in_channel")),
            *WebhookEndpoint.responses[Fault.FORBIDDEN],
        ],
        Fault.GONE: [*WebhookEndpoint.responses[Fault.GONE], *map(refusal, ("channel_not_found", "is_archived"))],
        Fault.FALSE_SUCCESS: [
            Response(200, body)
            for body in ("<html>Log in to the proxy</html>", "ok", "", "[]", "{}", '{"ok": 1}', '{"ok": "true"}')
        ]
        + [Response(200, REQUEST_ECHO), Response(204, ""), Response(201, '{"ok": true}')],
    }

    def __init__(self) -> None:
        super().__init__()
        self.path = "/api/"
        self._numbers = itertools.count(1)

    def respond(self, request: Request) -> Response:
        """Answer with a ts that grows, and with the message, as Slack does."""
        ts = f"1700000000.{next(self._numbers):06}"
        return Response(200, json.dumps({"ok": True, "channel": CHANNEL, "ts": ts, "message": {"text": "é" * 9_000}}))

    def replaces(self, request: Request) -> str | None:
        payload = json.loads(request.body)
        return f"{payload['channel']}:{payload['ts']}" if request.path.endswith("/chat.update") else None

    def answers(self, request: Request) -> str:
        payload = json.loads(request.body)
        return f"{payload['channel']}:{payload['thread_ts']}" if "thread_ts" in payload else ""

    def token(self) -> Secret:
        return super().secret("token", f"xoxb-1-2-{self.new_token()}")

    def on_rotation(self, new: Mapping[str, str]) -> None:
        """The path stays."""


class TestBot(UpdatingNotifierConformance):
    endpoint_type = WebApiEndpoint
    replies = True

    def make(self, endpoint: WebApiEndpoint) -> Notifier:
        return create({"channel": CHANNEL, "api": endpoint.url.removesuffix("/")}, {"token": endpoint.token()})
