"""The deploy-time half of the email notifier: its settings, and permission to send as one sender."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated

import pulumi
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from batchbell.partitions import Feature, offers
from batchbell.provisioning import Context, Grants, NotifierSettings, Statement

from .identity import Identity
from .mailbox import IN_ASCII, Mailbox, is_address, is_domain
from .notifier import RECIPIENTS_LIMIT

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")  # SES API v2 reference, "CreateConfigurationSet"
IDENTITY_EXAMPLE = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"


def _check_sender(sender: str) -> str:
    Mailbox.parse(sender)
    return sender


def _check_recipient(recipient: str) -> str:
    if is_address(recipient):
        return recipient
    if "<" in recipient:
        raise ValueError("takes an e-mail address without a name")
    raise ValueError("takes an e-mail address" if recipient.isascii() else f"takes an e-mail address {IN_ASCII}")


def _check_domain(domain: str) -> str:
    if not is_domain(domain):
        raise ValueError("takes a domain, such as example.com")
    return domain


def _check_number(recipients: tuple[str, ...]) -> tuple[str, ...]:
    # Not min_length: it does not count wrong addresses, so that a list with only wrong ones would be too short as well.
    if not 1 <= len(recipients) <= RECIPIENTS_LIMIT:
        raise ValueError(f"takes a list of 1 to {RECIPIENTS_LIMIT} e-mail addresses")
    return recipients


def _check_region(region: str | None) -> str | None:
    if region is not None and not REGION.fullmatch(region):
        raise ValueError("takes the name of a region")
    return region


def _check_configuration_set(name: str | None) -> str | None:
    if name is not None and not CONFIGURATION_SET.fullmatch(name):
        raise ValueError("takes a name of 1 to 64 letters, digits, - and _")
    return name


def _check_identity(arn: str | None) -> str | None:
    if arn is not None:
        Identity.parse(arn)
    return arn


class Settings(NotifierSettings):
    """The settings of one email notifier, besides its name and filters."""

    sender: Annotated[
        str,
        AfterValidator(_check_sender),
        Field(
            title="sender of the mail; SES must have verified the address or its domain in the stack's region, or in "
            "`region`",
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
    owner_domains: Annotated[
        tuple[Annotated[str, AfterValidator(_check_domain), Field(description="a domain")], ...],
        Field(
            title="a job's owner (see `owner_tag`) whose address is in one of these is a recipient, too",
            description="a list of domains of e-mail addresses",
            examples=[["example.com"]],
        ),
    ] = ()
    region: Annotated[
        str | None,
        AfterValidator(_check_region),
        Field(
            title="region of SES (without it: that of `identity_arn`, or else the stack's)",
            description="the name of a region",
            examples=["eu-west-1"],
        ),
    ] = None
    configuration_set: Annotated[
        str | None,
        AfterValidator(_check_configuration_set),
        Field(
            title="SES configuration set that the mail is sent with; it must exist in the region of SES (without it: "
            "the identity's default)",
            description="a name of 1 to 64 letters, digits, - and _",
            examples=["transactional"],
        ),
    ] = None
    identity_arn: Annotated[
        str | None,
        AfterValidator(_check_identity),
        Field(
            title="identity to send as; it may be in another account if its policy allows that (without it: the "
            "stack's account has the identity)",
            description="the ARN of an SES identity, which is the sender's address or a domain of it",
            examples=[IDENTITY_EXAMPLE],
        ),
    ] = None

    @field_validator("identity_arn")
    @classmethod
    def _fits(cls, arn: str | None, info: ValidationInfo) -> str | None:
        """SES checks the identity's policy in the identity's region, for addresses that the identity covers."""
        if arn is None:
            return arn
        identity, region, sender = Identity.parse(arn), info.data.get("region"), info.data.get("sender")
        if region is not None and identity.region != region:
            raise ValueError(f"takes an identity in {region}, since that is this notifier's region")
        if sender is not None and not identity.covers(Mailbox.parse(sender).address):
            raise ValueError("takes an identity that covers the sender: its address, its domain, or a domain above it")
        return arn


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    region = settings.region
    if region is None and settings.identity_arn is not None:
        region = Identity.parse(settings.identity_arn).region
    options = {
        "region": region,
        "configuration_set": settings.configuration_set,
        "identity_arn": settings.identity_arn,
    }
    here = replace(context, region=region or context.region)
    if not offers(here.partition, here.region, Feature.SES):
        raise pulumi.RunError(
            f"notifier {name}: AWS does not offer SES in {here.region}: set `region` to one where it does, "
            "or choose another notifier"
        )
    # In its sandbox SES also checks the recipients' identities. If the sender's identity has a default configuration
    # set, SES checks that, too, unless another one is named. So all are allowed, but only for one sender.
    resources = [
        here.arn("ses", "identity/*"),
        here.arn("ses", f"configuration-set/{settings.configuration_set or '*'}"),
    ]
    if settings.identity_arn is not None:
        resources.append(settings.identity_arn)
    return Grants(
        settings={
            "sender": settings.sender,
            "recipients": list(settings.recipients),
            **({"owner_domains": list(settings.owner_domains)} if settings.owner_domains else {}),
            **{name: value for name, value in options.items() if value is not None},
        },
        statements=[
            Statement(
                # SES checks a MIME mail against SendRawEmail too (AWS knowledge centre, "Unauthorized" in SES).
                actions=["ses:SendEmail", "ses:SendRawEmail"],
                resources=resources,
                condition={"StringEquals": {"ses:FromAddress": Mailbox.parse(settings.sender).address}},
            )
        ],
    )
