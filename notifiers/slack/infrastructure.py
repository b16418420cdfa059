"""The deploy-time half of the Slack notifier: its settings. It needs a webhook and no permissions."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pulumi
from pydantic import AfterValidator, BeforeValidator, Field

from batchbell.provisioning import Context, Grants, NotifierSettings, SecretReference, SecretShape

from .mentions import STATUSES
from .notifier import webhook_problem

REQUIRES = ("requests",)


# Ids of users (U or W) and of user groups (S): Slack's "Formatting text for app surfaces", "Mentioning users".
ID = re.compile(r"[UWS][A-Z0-9]{2,30}")


def _check_id(mentioned: str) -> str:
    if not ID.fullmatch(mentioned):
        raise ValueError("takes the id of a user (U…) or a user group (S…), which Slack shows in its profile")
    return mentioned


def _check_list(ids: Any) -> Any:
    if not isinstance(ids, list | tuple):
        raise ValueError("takes a list of ids of users and user groups, for example [U0123456789]")
    return ids


def _check_mentions(mentions: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    if "" in mentions or () in mentions.values():
        raise ValueError("takes at least one id for each tag's value or status")
    return mentions


def _check_status(status: str) -> str:
    if status not in STATUSES:
        raise ValueError(f"takes a list of {', '.join(STATUSES)}")
    return status


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
    mentions: Annotated[
        dict[
            str,
            Annotated[
                tuple[Annotated[str, AfterValidator(_check_id), Field(description="a Slack id")], ...],
                BeforeValidator(_check_list),
            ],
        ],
        AfterValidator(_check_mentions),
        Field(
            title="whom a message mentions, by the job's owner (without `owner_tag`: by any tag's value) or by status",
            description="an object of lists of ids of users and user groups",
            examples=[{"alice": ["U0123456789"], "FAILED": ["S0123456789"]}],
        ),
    ] = {}  # noqa: RUF012
    mention_statuses: Annotated[
        tuple[Annotated[str, AfterValidator(_check_status), Field(description="a status of messages")], ...],
        Field(
            title="statuses of the messages that mention an owner; a status in `mentions` always does",
            description="a list of statuses of jobs, BLOCKED, EARLY, OVERDUE or STALLED",
            examples=[["FAILED", "SUCCEEDED"]],
        ),
    ] = ("FAILED",)


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    mentions = {value: list(ids) for value, ids in settings.mentions.items()}
    return Grants(
        settings={"mentions": mentions, "mention_statuses": list(settings.mention_statuses)} if mentions else {},
        secrets={"webhook": settings.webhook},
    )
