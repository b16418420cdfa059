"""What the program registers in each partition: what AWS lacks there is left out, and said; or refused."""

from __future__ import annotations

import json

import pulumi
import pytest

from tests.judges.provider_answers import Place
from tests.judges.registered import record
from tests.judges.stacks import STACKS

MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
RECURSION = "aws:lambda/functionRecursionConfig:FunctionRecursionConfig"
LEFT_OUT = "AWS does not offer everything in"
NO_RECURSION = "the function has no recursion setting"
NO_TAGS = "the event source mappings have no tags"
NO_REDRIVE = "`batchbell redrive` cannot move dead letters (docs/operations.md says what can)"


def config(place: Place):
    return {
        "job_queue_arns": [place.arn("batch", "job-queue/nightly")],
        "notifiers": [{"type": "slack", "name": "ops", "webhook": {"config": "slackWebhook"}}],
    }


def mail(place: Place):
    return config(place) | {
        "notifiers": [{"type": "email", "name": "team", "sender": "x@example.com", "recipients": ["x@example.com"]}]
    }


@pytest.mark.parametrize(
    ("partition", "region", "recursion", "tags", "said"),
    [
        ("aws", "us-east-1", 1, True, None),
        ("aws", "mx-central-1", 0, True, NO_RECURSION),
        ("aws-us-gov", "us-gov-west-1", 0, False, f"{NO_RECURSION}; {NO_TAGS}"),
        ("aws-cn", "cn-north-1", 0, False, f"{NO_RECURSION}; {NO_TAGS}; {NO_REDRIVE}"),
    ],
)
def test_what_aws_does_not_offer_is_left_out_and_said_in_one_line(partition, region, recursion, tags, said):
    recording = record(config(Place(partition, region)), partition=partition, region=region)
    mappings = recording.of_type(MAPPING)

    assert len(recording.of_type(RECURSION)) == recursion
    assert [bool(one.inputs.get("tags")) for one in mappings] == [tags, tags]
    lines = [text for severity, text in recording.messages if severity == "info" and text.startswith(LEFT_OUT)]
    assert lines == ([f"{LEFT_OUT} {region}: {said}"] if said else [])


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-northwest-1"), ("aws", "eu-south-2")])
def test_an_email_notifier_is_refused_where_aws_does_not_offer_ses(partition, region):
    with pytest.raises(pulumi.RunError, match=rf"notifier team: AWS does not offer SES in {region}"):
        record(mail(Place(partition, region)), partition=partition, region=region)


def test_instances_in_china_have_a_role_for_chinas_ec2():
    recording = STACKS["longest-names-aws-cn"].record()
    (role,) = [one for one in recording.of_type("aws:iam/role:Role") if one.name.endswith("-instance")]
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]

    assert statement["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
