"""The deploy-time half of the email notifier: its settings, and permission to send as one sender."""

from __future__ import annotations

from typing import Annotated

import pulumi
from pydantic import AfterValidator, Field

from batchbell.provisioning import Context, Grants, NotifierSettings, Statement

from .mailbox import Mailbox, is_address

RECIPIENTS_LIMIT = 50  # SES API v2 reference, "Destination"


def _check_sender(sender: str) -> str:
    Mailbox.parse(sender)
    return sender


def _check_recipient(recipient: str) -> str:
    if not is_address(recipient):
        raise ValueError("takes an e-mail address")
    return recipient


def _check_number(recipients: tuple[str, ...]) -> tuple[str, ...]:
    # Not min_length: it does not count wrong addresses, so that a list with only wrong ones would be too short as well.
    if not 1 <= len(recipients) <= RECIPIENTS_LIMIT:
        raise ValueError(f"takes a list of 1 to {RECIPIENTS_LIMIT} e-mail addresses")
    return recipients


class Settings(NotifierSettings):
    """The settings of one email notifier, besides its name and filters."""

    sender: Annotated[
        str,
        AfterValidator(_check_sender),
        Field(
            title="sender of the mail; SES must have verified the address or its domain in the stack's region",
            description="an e-mail address, or Name <address>",
            examples=["Batch <batch@example.com>"],
        ),
    ]
    recipients: Annotated[
        tuple[Annotated[str, AfterValidator(_check_recipient), Field(description="an e-mail address")], ...],
        AfterValidator(_check_number),
        Field(
            title="recipients of the mail; they see each other",
            description=f"a list of 1 to {RECIPIENTS_LIMIT} e-mail addresses",
            examples=[["team@example.com"]],
        ),
    ]


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    return Grants(
        settings={"sender": settings.sender, "recipients": list(settings.recipients)},
        statements=[
            Statement(
                # SES checks a MIME mail against SendRawEmail too (AWS knowledge centre, "Unauthorized" in SES).
                actions=["ses:SendEmail", "ses:SendRawEmail"],
                # In its sandbox SES also checks the recipients' identities. If the sender's identity has a default
                # configuration set, SES checks that, too. So all are allowed, but only for one sender.
                resources=[context.arn("ses", "identity/*"), context.arn("ses", "configuration-set/*")],
                condition={"StringEquals": {"ses:FromAddress": Mailbox.parse(settings.sender).address}},
            )
        ],
    )
