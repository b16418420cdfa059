"""Posts to a Slack incoming webhook.

Source: Slack's "Sending messages using incoming webhooks".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchbell import webhook
from batchbell.contract import Message, PermanentError, Secret, Secrets, TemporaryError
from batchbell.webhook import Webhook, WebhookResponse, url_problem

from .blocks import render

SHORT_CODE = re.compile(r"[a-z_]{1,40}")  # such as no_service
WEBHOOK = re.compile(r"https://hooks\.slack(?:-gov)?\.com/services/T[A-Z0-9]{1,30}/B[A-Z0-9]{1,30}/[A-Za-z0-9]{1,100}")


def create(settings: Mapping[str, Any], secrets: Secrets) -> Slack:
    return Slack(secrets["webhook"])


class Slack:
    """One channel of Slack: the one that the webhook was made for."""

    def __init__(self, url: Secret) -> None:
        self._webhook = Webhook(url, "Slack", webhook_problem, classify)

    def render(self, message: Message) -> dict[str, Any]:
        """The payload, without sending it."""
        return render(message)

    def send(self, message: Message) -> None:
        """Raise TemporaryError or PermanentError, as `classify` says, unless Slack took the message."""
        self._webhook.post(render(message))


def classify(answer: WebhookResponse) -> TemporaryError | PermanentError | None:
    """What an answer means; None is delivered, which Slack says with one word. Its errors are one word, too."""
    code = answer.text if SHORT_CODE.fullmatch(answer.text) else ""
    if problem := webhook.classify(answer, code):
        return problem
    if answer.status == 200 and answer.text == "ok":
        return None
    said = f"Slack answered {answer.status} {code}".rstrip()
    return PermanentError(f"{said} instead of ok: perhaps a proxy answered, not Slack")


def webhook_problem(url: str) -> str | None:
    """What is wrong with a webhook's URL, without showing it; None if nothing is."""
    return url_problem(url, WEBHOOK, "https://hooks.slack.com/services/T…/B…/…")
