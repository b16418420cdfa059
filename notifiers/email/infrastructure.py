"""What the Lambda needs to send mail: the right to do so as one sender."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Annotated

import pulumi
from pydantic import Field, field_validator

from batchbell.provisioning import Context, Grants, NotifierSettings, Statement

RECIPIENTS_LIMIT = 50  # SES API v2 reference, "Destination"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@(?:{_LABEL}\.)+{_LABEL}")
NAMED_ADDRESS = re.compile(rf"[^<>\"\\,;:@\x00-\x1f\x7f]{{1,100}} <{ADDRESS.pattern}>")


class Settings(NotifierSettings):
    """`sender`: an address, or `Name <address>`, that SES has verified or whose domain it has. `recipients`: 1 to 50
    addresses. `create_identity`: have SES verify the sender's address: it gets a mail with a link to click."""

    sender: str
    recipients: Annotated[tuple[str, ...], Field(min_length=1, max_length=RECIPIENTS_LIMIT)]
    create_identity: bool = False

    @field_validator("sender")
    @classmethod
    def _check_sender(cls, sender: str) -> str:
        if not (ADDRESS.fullmatch(sender) or NAMED_ADDRESS.fullmatch(sender)):
            raise ValueError("takes an e-mail address, such as batch@example.com or Batch <batch@example.com>")
        return sender

    @field_validator("recipients")
    @classmethod
    def _check_recipients(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        for number, recipient in enumerate(recipients):
            if not ADDRESS.fullmatch(recipient):
                raise ValueError(f"[{number}] takes an e-mail address, such as team@example.com")
        return recipients


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    address = parseaddr(settings.sender)[1]
    if settings.create_identity:
        import pulumi_aws as aws  # takes a second, and most stacks have an identity already

        aws.sesv2.EmailIdentity(f"{context.prefix}-{name}", email_identity=address, tags=context.tags, opts=opts)
    return Grants(
        settings={"sender": settings.sender, "recipients": list(settings.recipients)},
        statements=[
            Statement(
                # A mail in MIME is checked as SendRawEmail too (AWS knowledge centre, "Unauthorized" in SES).
                actions=["ses:SendEmail", "ses:SendRawEmail"],
                # In SES's sandbox the recipients' identities are checked as well, and where the identity has a
                # default configuration set, that is: hence all of them, but for one sender.
                resources=[context.arn("ses", "identity/*"), context.arn("ses", "configuration-set/*")],
                condition={"StringEquals": {"ses:FromAddress": address}},
            )
        ],
    )
