"""Provisions what the Lambda needs to post to Teams: the webhook, and no permissions."""

from __future__ import annotations

from typing import Annotated

import pulumi
from pydantic import Field

from batchbell.provisioning import Context, Grants, NotifierSettings, SecretReference, SecretShape

from .notifier import webhook_problem

REQUIRES = ("requests",)


class Settings(NotifierSettings):
    """The settings of one Teams notifier, besides its name and filters."""

    webhook: Annotated[
        SecretReference,
        SecretShape(webhook_problem),
        Field(
            title='where the URL of a workflow is that begins with "When a Teams webhook request is received"',
            examples=[{"config": "teamsWebhook"}],
        ),
    ]


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    return Grants(secrets={"webhook": settings.webhook})
