"""The deploy-time half of the Apprise notifier: its URL. It needs no permissions."""

from __future__ import annotations

from typing import Annotated

import pulumi
from pydantic import Field

from batchbell.provisioning import Context, Grants, NotifierSettings, SecretReference, SecretShape

REQUIRES = ("apprise>=2.3,<3", "requests", "urllib3")


def check_url(url: str) -> str | None:
    """Say what is wrong with the URL, without showing it; None if it is right."""
    from .target import url_problem  # Apprise takes a third of a second

    return url_problem(url)


class Settings(NotifierSettings):
    """The settings of one Apprise notifier, besides its name and filters."""

    url: Annotated[
        SecretReference,
        SecretShape(check_url),
        Field(
            title="Apprise's URL of one target of a service, such as discord://WEBHOOK_ID/WEBHOOK_TOKEN",
            examples=[{"config": "appriseUrl"}],
        ),
    ]


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    return Grants(secrets={"url": settings.url})
