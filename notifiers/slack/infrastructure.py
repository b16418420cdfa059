"""The deploy-time half of the Slack notifier: its settings. It needs a webhook and no permissions."""

from __future__ import annotations

from typing import Annotated

import pulumi
from pydantic import Field

from batchbell.provisioning import Context, Grants, NotifierSettings, SecretReference, SecretShape

from .notifier import webhook_problem

REQUIRES = ("requests",)


class Settings(NotifierSettings):
    """The settings of one Slack notifier, besides its name and filters."""

    webhook: Annotated[
        SecretReference,
        SecretShape(webhook_problem),
        Field(
            title="URL of an incoming webhook, which determines the channel",
            examples=[{"config": "slackWebhook"}],
        ),
    ]


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    return Grants(secrets={"webhook": settings.webhook})
