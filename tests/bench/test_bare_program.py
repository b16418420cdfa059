"""The bare program with which a preview is compared: made from a stack's state, and of nothing but its resources."""

from __future__ import annotations

from typing import Any

import pytest

from bench.bare_program import ASSET, DEFAULTS, SECRET, SIGNATURE, bare_program

QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:intake-1a2b3c4"


def resource(type_: str, name: str, inputs: dict[str, Any], **others: Any) -> dict[str, Any]:
    made = {"urn": f"urn:pulumi:prod::batchbell::{type_}::{name}", "type": type_, "custom": True, "inputs": inputs}
    return {**made, "id": name, "outputs": {}, **others}


QUEUE = resource(
    "aws:sqs/queue:Queue",
    "intake",
    {"visibilityTimeoutSeconds": 180, "name": "intake-1a2b3c4", DEFAULTS: ["name"]},
    outputs={"arn": QUEUE_ARN},
)


def test_a_resource_is_a_class_with_the_values_that_the_program_set():
    assert bare_program([QUEUE]).splitlines()[-1] == (
        "resource_0 = pulumi_aws.sqs.Queue('intake', visibility_timeout_seconds=180)"
    )


def test_components_and_providers_are_left_out():
    component = {**resource("batchbell:index:Delivery", "bell", {}), "custom": False}

    assert bare_program([component, resource("pulumi:providers:aws", "default", {})]) == bare_program([])


def test_what_one_resource_takes_from_another_is_an_output_there_too():
    urn = QUEUE["urn"]
    policy = resource(
        "aws:sqs/queuePolicy:QueuePolicy",
        "intake",
        {"policy": f'{{"Resource": "{QUEUE_ARN}"}}', "queueUrl": QUEUE_ARN},
        propertyDependencies={"policy": [urn], "queueUrl": [urn]},
        dependencies=[urn],
    )

    (*_, line) = bare_program([QUEUE, policy]).splitlines()

    assert "policy=pulumi.Output.concat('{\"Resource\": \"', resource_0.arn, '\"}')" in line
    assert "queue_url=resource_0.arn" in line
    assert "depends_on" not in line


def test_what_waits_for_another_resource_without_taking_from_it_waits_there_too():
    target = resource("aws:cloudwatch/eventTarget:EventTarget", "finished", {"rule": "a"}, dependencies=[QUEUE["urn"]])

    assert "depends_on=[resource_0]" in bare_program([QUEUE, target])


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ({SIGNATURE: ASSET, "text": "{}"}, "pulumi.StringAsset('{}')"),
        ({SIGNATURE: SECRET, "plaintext": '"a"'}, 'pulumi.Output.secret("a")'),
        ([{"logGroup": "a", DEFAULTS: []}], "[{'logGroup': 'a'}]"),
    ],
)
def test_a_value_is_written_as_a_program_would_write_it(value, source):
    assert f"value={source})" in bare_program([resource("aws:ssm/parameter:Parameter", "a", {"value": value})])
