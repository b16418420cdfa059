from __future__ import annotations

import json

import pulumi
import pytest

from tests.judges.registered import record, registered
from tests.judges.stacks import LONGEST_ENVIRONMENT, LONGEST_NOTIFIER, LONGEST_STACK, STACKS


@pytest.mark.parametrize("name", STACKS)
def test_every_stack_is_recorded_in_its_partition_and_region(name):
    stack = STACKS[name]
    recording = stack.record()
    print(f"{name}: {len(recording.resources)} resources, {len(recording.messages)} messages")
    assert len(recording.resources) >= 25

    arns = [text for one in recording.resources for text in _texts(one.outputs) if text.startswith("arn:")]
    assert {arn.split(":")[1] for arn in arns} == {stack.partition}
    assert {arn.split(":")[3] for arn in arns} == {stack.place.region, ""}


def test_all_stacks_together_have_every_platform_and_notifier():
    environments = [
        one.inputs["computeResources"]["type"]
        for stack in STACKS.values()
        for one in stack.record().of_type("aws:batch/computeEnvironment:ComputeEnvironment")
    ]
    assert set(environments) == {"EC2", "SPOT", "FARGATE", "FARGATE_SPOT"}
    assert {one["type"] for stack in STACKS.values() for one in stack.config["notifiers"]} >= {"slack", "email", "sns"}


def test_the_longest_names_are_as_long_as_the_settings_allow():
    assert [len(name) for name in (LONGEST_STACK, LONGEST_ENVIRONMENT, LONGEST_NOTIFIER)] == [27, 91, 39]
    notifiers = [{"type": "sns", "name": LONGEST_NOTIFIER + "x"}]
    for config in ({"notifiers": notifiers}, {"environment_name": LONGEST_ENVIRONMENT + "x"}):
        with pytest.raises(pulumi.RunError, match=r"characters|letters"):
            record({**STACKS["ec2-aws"].config, **config})
    with pytest.raises(pulumi.RunError, match=r"the stack's name: got .*; takes 1 to 27 letters, digits and -"):
        record(STACKS["ec2-aws"].config, stack=LONGEST_STACK + "x")


def test_secrets_are_plain_and_policies_are_complete():
    resources = registered(STACKS["ec2-aws"].config)
    parameters = [one for one in resources if one.type_token == "aws:ssm/parameter:Parameter"]
    parameter = next(one for one in parameters if one.inputs["value"].startswith("https://hooks.slack.com/"))
    policies = [one for one in resources if one.type_token == "aws:iam/rolePolicy:RolePolicy"]
    statements = [statement for one in policies for statement in json.loads(one.inputs["policy"])["Statement"]]
    assert parameter.outputs["arn"] in [resource for one in statements for resource in one["Resource"]]


def test_what_the_program_refuses_is_raised():
    with pytest.raises(pulumi.RunError, match="nothing to watch"):
        record({"notifiers": STACKS["ec2-aws"].config["notifiers"]})


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))
