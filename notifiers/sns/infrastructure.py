"""The deploy-time half of the SNS notifier: its settings, its topic unless one is given, and permission to publish."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pulumi
from pydantic import AfterValidator, Field

from batchbell.provisioning import Context, Grants, NotifierSettings, Statement, check_arn, check_when_known

DIGEST_AFTER = 0  # programs may subscribe, and need one message per job

TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
TOPIC_EXAMPLE = "arn:aws:sns:eu-west-1:123456789012:ops"
KEY_EXAMPLE = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def check_topic(arn: Any) -> Any:
    """Return the same value. Raises ValueError (without it) unless it is a standard topic's ARN, None or an Output."""
    if arn is None or isinstance(arn, pulumi.Output):
        return arn
    if isinstance(arn, str) and arn.endswith(".fifo"):
        raise ValueError("takes a standard topic: a FIFO topic delivers to queues only, never to people")
    if not (isinstance(arn, str) and TOPIC_ARN.fullmatch(arn)):
        raise ValueError(f"takes the ARN of a topic, for example {TOPIC_EXAMPLE}")
    return arn


def check_key(arn: Any) -> Any:
    """Return the same value. Raises ValueError (without it) unless it is a KMS key's ARN, None or an Output."""
    return check_arn(arn, "kms")


class Settings(NotifierSettings):
    """The settings of one SNS notifier, besides its name and filters."""

    topic_arn: Annotated[
        Any,
        AfterValidator(check_topic),
        Field(
            title="existing topic; it may be in another region, and in another account if its policy allows that "
            "(without it, a topic is created)",
            description="the ARN of a topic",
            examples=[TOPIC_EXAMPLE],
        ),
    ] = None
    kms_key_arn: Annotated[
        Any,
        AfterValidator(check_key),
        Field(
            title="customer-managed key that encrypts the topic (without it, the topic is not encrypted)",
            description="the ARN of a KMS key",
            examples=[KEY_EXAMPLE],
        ),
    ] = None


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    topic_arn = check_when_known(settings.topic_arn, check_topic, where=f"notifier {name}: topic_arn")
    key_arn = check_when_known(settings.kms_key_arn, check_key, where=f"notifier {name}: kms_key_arn")
    if topic_arn is None:
        import pulumi_aws as aws  # takes a second, and is not needed for a given topic

        topic = aws.sns.Topic(f"{context.prefix}-{name}", kms_master_key_id=key_arn, tags=context.tags, opts=opts)
        topic_arn = topic.arn
    statements = [Statement(actions=["sns:Publish"], resources=[topic_arn])]
    if key_arn is not None:
        # SNS developer guide, "Key management": what a publisher to an encrypted topic needs.
        statements.append(Statement(actions=["kms:GenerateDataKey", "kms:Decrypt"], resources=[key_arn]))
    return Grants(settings={"topic_arn": topic_arn}, statements=statements, outputs={"topic_arn": topic_arn})
