"""Posts to a channel or chat of Microsoft Teams through a Power Automate workflow.

The workflow begins with "When a Teams webhook request is received".

Sources: Microsoft's "Create incoming webhooks with Workflows for Microsoft Teams"; "Receive and respond to inbound
HTTPS calls to workflows" (learn.microsoft.com/azure/connectors/connectors-native-reqres): 202 means that the workflow
has started. Only its run history shows later failures, so a card must be one that Teams accepts (see `card`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batchbell.contract import Message, Secret, Secrets
from batchbell.webhook import Webhook, url_problem

from .card import render

# Whoever has the URL may post: `sig` is the secret. The hosts: Power Automate's since November 2025, with an
# environment's id in two parts (caronc/apprise#1405, swisscom/backman#102), those of its US government clouds (the
# Copilot Studio client's list of environments), and that of workflows created in Azure Logic Apps.
LABEL = "[a-z0-9-]{1,60}"
CLOUD = r"powerplatform\.com|(?:gov|high)\.powerplatform\.microsoft\.us"
HOST = rf"{LABEL}\.{LABEL}\.(?:environment\.api\.(?:{CLOUD})|logic\.azure\.com)"
PATH = r"(?:/powerautomate/automations/direct)?/workflows/[A-Za-z0-9]{1,64}/triggers/[A-Za-z0-9_-]{1,64}/paths/invoke/?"
QUERY = r"\?(?=(?:[^&]*&)*sig=[A-Za-z0-9_-]{20,})[A-Za-z0-9&=%._~-]{1,500}"
WEBHOOK = re.compile(rf"https://{HOST}(?::443)?{PATH}{QUERY}")
EXAMPLE = "https://….environment.api.powerplatform.com/powerautomate/…/triggers/manual/paths/invoke?…&sig=…"


def create(settings: Mapping[str, Any], secrets: Secrets) -> Teams:
    return Teams(secrets["webhook"])


class Teams:
    """One channel or chat in Teams: the one that the workflow posts to."""

    def __init__(self, url: Secret) -> None:
        self._webhook = Webhook(url, "Teams", webhook_problem)

    def render(self, message: Message) -> dict[str, Any]:
        """Return the payload, without sending it."""
        return render(message)

    def send(self, message: Message) -> None:
        """Post the message. Raises TemporaryError after 429, 5xx or no response, PermanentError after other errors."""
        self._webhook.post(render(message))


def webhook_problem(url: str) -> str | None:
    """Say what is wrong with a webhook's URL, without showing it; None if it is right."""
    return url_problem(url, WEBHOOK, EXAMPLE)
