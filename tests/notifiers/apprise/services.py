"""Fakes of five services that Apprise calls, of different shapes, and the URLs that name them."""

from __future__ import annotations

import html
import json
import re
from typing import Any, ClassVar
from urllib.parse import parse_qs

import apprise.plugins.discord
import apprise.plugins.google_chat
import apprise.plugins.pagerduty
import apprise.plugins.pushover
import pytest

from batchbell.conformance import Request, Response, WebhookEndpoint
from batchbell.contract import Secret

MENTION = re.compile(r"@(?:everyone|here|channel|all)\b|<[!@#&/a-z]|\]\(")


class Service(WebhookEndpoint):
    """A service at whose plugin the test puts the fake's address in place of the real one."""

    @property
    def base(self) -> str:
        return self.url.removesuffix(self.path)

    def url_secret(self) -> Secret:
        """Make the secret: Apprise's URL of a target."""
        raise NotImplementedError

    def find_problem(self, request: Request) -> str | None:
        for text in self.shown(request):
            if found := MENTION.search(text):
                return f"{found[0]!r} is a mention or hides a link"
        return self.find_limit(request)

    def shown(self, request: Request) -> list[str]:
        """The texts that a reader sees."""
        raise NotImplementedError

    def find_limit(self, request: Request) -> str | None:
        """Say which of the service's limits the request exceeds."""
        raise NotImplementedError

    def text_of(self, request: Request) -> str:
        return "\n".join(self.shown(request)).replace("\u200b", "")


def body_of(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.body)
    return body


class Discord(Service):
    """JSON to a webhook; Markdown also in plain content. Discord: "Execute Webhook", content has 2,000 characters."""

    success: ClassVar[Response] = Response(204, "")

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = f"/api/webhooks/{self.new_token()}/{self.new_token()}"
        super().prepare(monkeypatch)
        monkeypatch.setattr(apprise.plugins.discord.NotifyDiscord, "notify_url", f"{self.base}/api/webhooks")

    def url_secret(self) -> Secret:
        return self.secret("url", f"discord://{self.path.removeprefix('/api/webhooks/')}")

    def shown(self, request: Request) -> list[str]:
        return [rendered(body_of(request)["content"])]

    def find_limit(self, request: Request) -> str | None:
        return too_long("content", body_of(request)["content"], 2000)


class Ntfy(Service):
    """A server of one's own, named in the URL, and a topic. ntfy: "Publish as JSON", "Limitations"."""

    success: ClassVar[Response] = Response(200, '{"id": "hwQ2YpKdmg", "event": "message"}')

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().prepare(monkeypatch)
        self.path = "/"
        self.topic = self.new_token()

    def url_secret(self) -> Secret:
        return self.secret(
            "url", f"ntfy://{self.new_token()}@{self.base.removeprefix('http://')}/{self.topic}?auth=token"
        )

    def shown(self, request: Request) -> list[str]:
        return [body_of(request)["title"], body_of(request)["message"]]

    def find_limit(self, request: Request) -> str | None:
        return too_long("message", body_of(request)["message"], 4096)


class PagerDuty(Service):
    """One API for all, which knows the receiver by a key in the body. PagerDuty: "Send an alert event"."""

    success: ClassVar[Response] = Response(202, '{"status": "success", "message": "Event processed"}')

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().prepare(monkeypatch)
        self.path = "/v2/enqueue"
        addresses = dict.fromkeys(apprise.plugins.pagerduty.PAGERDUTY_API_LOOKUP, self.url)
        monkeypatch.setattr(apprise.plugins.pagerduty, "PAGERDUTY_API_LOOKUP", addresses)

    def url_secret(self) -> Secret:
        return self.secret("url", f"pagerduty://{self.new_token()}@{self.new_token()}")

    def shown(self, request: Request) -> list[str]:
        return [body_of(request)["payload"]["summary"]]

    def find_limit(self, request: Request) -> str | None:
        payload = body_of(request)["payload"]
        if payload["severity"] not in ("critical", "error", "warning", "info"):
            return f"there is no severity {payload['severity']}"
        return too_long("summary", payload["summary"], 1024)


class GoogleChat(Service):
    """A key and a token in the query. Google Chat: "Create a text message", at most 4,096 characters."""

    success: ClassVar[Response] = Response(200, '{"name": "spaces/A/messages/B"}')

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().prepare(monkeypatch)
        self.path = f"/v1/spaces/{self.new_token()}/messages"
        address = f"{self.base}/v1/spaces/{{workspace}}/messages"
        monkeypatch.setattr(apprise.plugins.google_chat.NotifyGoogleChat, "notify_url", address)

    def url_secret(self) -> Secret:
        return self.secret("url", f"gchat://{self.path.split('/')[3]}/{self.new_token()}/{self.new_token()}")

    def shown(self, request: Request) -> list[str]:
        return [html.unescape(re.sub(r"<(https:[^<>|]*)>", r"\1", body_of(request)["text"]))]

    def find_limit(self, request: Request) -> str | None:
        return too_long("text", body_of(request)["text"], 4096)


class Pushover(Service):
    """A form. Pushover: "API", "Limitations": 1,024 characters of message, 250 of title."""

    success: ClassVar[Response] = Response(200, '{"status": 1, "request": "647d2300-702c-4b38-8b2f-d56326ae460b"}')

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().prepare(monkeypatch)
        self.path = "/1/messages.json"
        monkeypatch.setattr(apprise.plugins.pushover.NotifyPushover, "notify_url", self.url)

    def url_secret(self) -> Secret:
        # Thirty letters and digits each (Pushover: "API"), of which a token of the kit is more.
        return self.secret("url", f"pover://{self.new_token()[:30]}@{self.new_token()[:30]}")

    def shown(self, request: Request) -> list[str]:
        form = parse_qs(request.body.decode(), strict_parsing=True)
        return [form["title"][0], form["message"][0]]

    def find_limit(self, request: Request) -> str | None:
        title, message = self.shown(request)
        return too_long("title", title, 250) or too_long("message", message, 1024)


def rendered(markdown: str) -> str:
    """Return what a reader sees of escaped text and of links."""
    return re.sub(r"\\(?=[^\w\s])|<(?=https:)|(?<=[^\s\\])>(?=\s|$)", "", markdown)


def too_long(name: str, text: str, limit: int) -> str | None:
    return None if 0 < len(text) <= limit else f"{name} has {len(text)} characters"
