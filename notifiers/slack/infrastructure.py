"""The deploy-time half of the Slack notifier: its settings. It needs a webhook or a bot token, and no permissions."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pulumi
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from batchbell.provisioning import FORMS, Context, Grants, NotifierSettings, SecretReference, SecretShape

from .bot import CHANNEL
from .mentions import STATUSES
from .notifier import webhook_problem
from .web_api import API, api_problem, token_problem

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


def _check_given(reference: Any) -> Any:
    if reference is None:
        raise ValueError(f"takes exactly one of {FORMS}")
    return reference


def _check_channel(channel: str | None) -> str | None:
    if channel is not None and not CHANNEL.fullmatch(channel):
        raise ValueError("takes the id of a channel (C… or G…), which Slack shows at the end of the channel's details")
    return channel


def _check_api(api: str | None) -> str | None:
    if api is not None and api_problem(api):
        raise ValueError(f"takes {API}, or https://slack-gov.com/api for GovSlack")
    return api


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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"webhook": {"config": "slackWebhook"}},
                {"token": {"config": "slackToken"}, "channel": "C0123456789"},
            ]
        }
    )

    webhook: Annotated[
        SecretReference | None,
        SecretShape(webhook_problem),
        BeforeValidator(_check_given),
        Field(
            title="URL of an incoming webhook, which determines the channel; either this, or `token` and `channel`",
            examples=[{"config": "slackWebhook"}],
        ),
    ] = None
    token: Annotated[
        SecretReference | None,
        SecretShape(token_problem),
        BeforeValidator(_check_given),
        Field(
            title="bot token (xoxb-…) of an app with the scope chat:write; with it, messages about a job share a "
            "thread, and a running array job has one message that is kept up to date",
            examples=[{"config": "slackToken"}],
        ),
    ] = None
    channel: Annotated[
        str | None,
        AfterValidator(_check_channel),
        Field(
            title="id of the channel that the bot posts to, and that it is invited to",
            description="the id of a channel (C… or G…)",
            examples=["C0123456789"],
        ),
    ] = None
    api: Annotated[
        str | None,
        AfterValidator(_check_api),
        Field(
            title=f"address of Slack's Web API, which gets the token (without it: {API})",
            description=f"{API}, or https://slack-gov.com/api for GovSlack",
            examples=["https://slack-gov.com/api"],
        ),
    ] = None
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

    @property
    def shows_progress(self) -> bool:
        """With a token: a webhook cannot edit what it has posted."""
        return self.token is not None

    @model_validator(mode="after")
    def _one_way(self) -> Settings:
        if self.webhook and self.token:
            raise ValueError("has webhook and token; give one of them: a webhook, or a token with a channel")
        for name in ("channel", "api"):
            if getattr(self, name) and not self.token:
                raise ValueError(f"has {name} without token; a webhook determines its channel, a bot token needs one")
        if self.token and not self.channel:
            raise ValueError("has token without channel: the id of the channel to post to, for example C0123456789")
        if not self.webhook and not self.token:
            raise ValueError(
                "has neither webhook nor token; for example webhook: {config: slackWebhook}, or "
                "token: {config: slackToken} with channel: C0123456789"
            )
        return self


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    plain: dict[str, Any] = {name: value for name in ("channel", "api") if (value := getattr(settings, name))}
    if settings.mentions:
        plain["mentions"] = {value: list(ids) for value, ids in settings.mentions.items()}
        plain["mention_statuses"] = list(settings.mention_statuses)
    return Grants(
        settings=plain,
        secrets={name: secret for name in ("webhook", "token") if (secret := getattr(settings, name))},
        progress=settings.shows_progress,
    )
