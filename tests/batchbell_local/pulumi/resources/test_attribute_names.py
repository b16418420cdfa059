"""The attributes that SQS and SNS take as texts, by the service models that AWS writes."""

from __future__ import annotations

import re

import botocore.session
import pytest

from batchbell_local.pulumi.resources import sns, sqs


def of_sqs(shape: str) -> set[str]:
    return set(botocore.session.get_session().get_service_model("sqs").shape_for(shape).enum)


def of_sns(*shapes: str) -> set[str]:
    """SNS has no enum: its names stand in the documentation of members."""
    model = botocore.session.get_session().get_service_model("sns")
    members = [member for shape in shapes for member in model.shape_for(shape).members.values()]
    return {name for member in members for name in re.findall(r"<code>(\w+)<", member.documentation)}


@pytest.mark.parametrize(
    ("used", "known"),
    [
        (sqs.ATTRIBUTES, lambda: of_sqs("QueueAttributeName")),
        (sns.TOPIC_ATTRIBUTES, lambda: of_sns("SetTopicAttributesInput", "GetTopicAttributesResponse")),
        (sns.SUBSCRIPTION_ATTRIBUTES, lambda: of_sns("SubscribeInput")),
    ],
    ids=["queue", "topic", "subscription"],
)
def test_each_attribute_is_one_that_aws_knows(used, known):
    assert used
    assert set(used.values()) - known() == set()
