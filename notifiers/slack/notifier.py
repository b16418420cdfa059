"""Posts to a Slack incoming webhook, or makes a bot.

Source: Slack's "Sending messages using incoming webhooks".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchbell import webhook
from batchbell.contract import Message, PermanentError, Secret, Secrets, TemporaryError
from batchbell.texts import tidy
from batchbell.webhook import Webhook, WebhookResponse, url_problem

from .blocks import render
from .bot import Bot
from .mentions import Mentions
from .web_api import API

SHORT_CODE = re.compile(r"[a-z_]{1,40}")  # such as no_service
WEBHOOK = re.compile(r"https://hooks\.slack(?:-gov)?\.com/services/T[A-Z0-9]{1,30}/B[A-Z0-9]{1,30}/[A-Za-z0-9]{1,100}")


def create(settings: Mapping[str, Any], secrets: Secrets) -> Slack | Bot:
    mentions = Mentions(settings.get("mentions", {}), settings.get("mention_statuses", ()))
    if "token" in secrets:
        return Bot(secrets["token"], settings["channel"], settings.get("api", API), mentions)
    return Slack(secrets["webhook"], mentions)


class Slack:
    """One Slack channel: the one that the webhook was created for."""

    def __init__(self, url: Secret, mentions: Mentions | None = None) -> None:
        self._mentions = mentions or Mentions()
        self._webhook = Webhook(url, "Slack", webhook_problem, classify)

    def render(self, message: Message) -> dict[str, Any]:
        """Return the payload, without sending it."""
        message = tidy(message)
        return render(message, self._mentions.of(message))

    def prepare(self) -> None:
        """Read the secret."""
        self._webhook.prepare()

    def send(self, message: Message) -> None:
        """Post the message. Raises TemporaryError or PermanentError (see `classify`)."""
        self._webhook.post(self.render(message))


def classify(response: WebhookResponse) -> TemporaryError | PermanentError | None:
    """Return the error that a response means, or None for Slack's "200 ok". Slack's errors are single words, too."""
    code = response.text if SHORT_CODE.fullmatch(response.text) else ""
    if error := webhook.classify(response, code):
        return error
    if response.status == 200 and response.text == "ok":
        return None
    reason = f"Slack answered {response.status} {code}".rstrip()
    return PermanentError(f"{reason} instead of ok: perhaps a proxy answered, not Slack", maybe_delivered=True)


def webhook_problem(url: str) -> str | None:
    """Say what is wrong with a webhook's URL, without showing it; None if it is right."""
    return url_problem(url, WEBHOOK, "https://hooks.slack.com/services/T…/B…/…")
