"""What the Lambda needs to publish: a topic, its own or a given one, and the right to publish to that one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pulumi
from pydantic import field_validator

from batchbell.provisioning import Context, Grants, NotifierSettings, Statement, check_arn

TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")


class Settings(NotifierSettings):
    """`topic_arn`: a topic that exists; without it one is made. `kms_key_arn`: the customer-managed key that
    encrypts the topic, if one does."""

    topic_arn: Any = None
    kms_key_arn: Any = None

    @field_validator("topic_arn")
    @classmethod
    def _check_topic(cls, arn: Any) -> Any:
        return check_topic(arn)

    @field_validator("kms_key_arn")
    @classmethod
    def _check_key(cls, arn: Any) -> Any:
        return check_key(arn)


def check_topic(arn: Any) -> Any:
    """The same ARN. Raises ValueError unless it is a standard topic's, or not known yet."""
    check_arn(arn, "sns", where="topic_arn")
    if isinstance(arn, str):
        if arn.endswith(".fifo"):
            raise ValueError("takes a standard topic: a FIFO topic delivers to queues alone, never to people")
        if not TOPIC_ARN.fullmatch(arn):
            raise ValueError("takes a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:ops")
    return arn


def check_key(arn: Any) -> Any:
    """The same ARN. Raises ValueError unless it is a KMS key's, or not known yet."""
    check_arn(arn, "kms", where="kms_key_arn")
    return arn


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    topic_arn = _checked(settings.topic_arn, check_topic)
    key_arn = _checked(settings.kms_key_arn, check_key)
    if topic_arn is None:
        import pulumi_aws as aws  # takes a second, and a given topic needs none of it

        topic = aws.sns.Topic(f"{context.prefix}-{name}", kms_master_key_id=key_arn, tags=context.tags, opts=opts)
        topic_arn = topic.arn
    statements = [Statement(actions=["sns:Publish"], resources=[topic_arn])]
    if key_arn is not None:
        # SNS developer guide, "Key management": what a publisher to an encrypted topic needs.
        statements.append(Statement(actions=["kms:GenerateDataKey", "kms:Decrypt"], resources=[key_arn]))
    return Grants(settings={"topic_arn": topic_arn}, statements=statements, outputs={"topic_arn": topic_arn})


def _checked(value: Any, check: Callable[[Any], Any]) -> Any:
    return value.apply(check) if isinstance(value, pulumi.Output) else value
