"""What a program gives as an Output is judged as soon as its value is known, and never shown."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pulumi
import pytest

from batchbell.provisioning import Context
from components.granted_notifier import grant
from components.settings.model import check_settings

WEBHOOK = "https://hooks.slack.com/services/T0000/B0000/notarealtoken"
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/batchbell/slack"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-a1B2c3"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HERE = Context("nightly", "aws", "us-east-1", "123456789012")


class Parameter:
    """A parameter that only records what it was made with."""

    arn = PARAMETER
    inputs: ClassVar[dict[str, Any]] = {}

    def __init__(self, _resource_name, **inputs):
        Parameter.inputs = inputs


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch):
    monkeypatch.setattr("pulumi_aws.ssm.Parameter", Parameter)


def granted(webhook, **said):
    """The notifier's grants, with what `webhook()` gives as its secret, and with what the stack says besides."""
    notifier = {"type": "slack", "name": "ops", "webhook": webhook(), **said}
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
    settings = check_settings({"notifiers": [notifier], "job_queue_arns": [queue]}, secrets={}, context=HERE)
    return grant("nightly", settings.notifiers[0], HERE, pulumi.ResourceOptions())


def later(value):
    return pulumi.Output.from_input(value)


@pytest.mark.parametrize(("said", "told"), [({}, 5), ({"digest_after": 12}, 12), ({"digest_after": 0}, None)])
def test_the_function_is_told_when_to_send_a_digest(said, told):
    assert granted(lambda: {"ssm": PARAMETER}, **said).manifest_entry()["digest_after"] == told


def stored_value(webhook):
    async def resolve():
        granted(webhook)
        value = Parameter.inputs["value"]
        return await value.future(), await value.is_secret()

    return asyncio.run(resolve())


def stored_arns(webhook):
    async def resolve():
        secret = granted(webhook).secrets["webhook"]
        return [await pulumi.Output.from_input(arn).future() for arn in (secret.arn, secret.kms_key_arn)]

    return asyncio.run(resolve())


def test_a_good_secret_is_stored_as_a_secret():
    assert stored_value(lambda: pulumi.Output.secret(WEBHOOK)) == (WEBHOOK, True)
    assert stored_value(lambda: {"value": later(WEBHOOK)}) == (WEBHOOK, True)


@pytest.mark.parametrize("value", ["https://example.com/notarealtoken", "", 7, {"url": "notarealtoken"}])
def test_a_secret_that_cannot_be_one_ends_the_deployment_without_being_shown(value):
    with pytest.raises(pulumi.RunError, match=r"^notifier ops: webhook: the (webhook|secret) ") as refused:
        stored_value(lambda: pulumi.Output.secret(value))

    assert "notarealtoken" not in str(refused.value)


def test_good_arns_that_are_known_later_are_taken():
    assert stored_arns(lambda: {"ssm": later(PARAMETER), "kms_key_arn": later(KEY)}) == [PARAMETER, KEY]
    assert stored_arns(lambda: {"secretsmanager": later(SECRET)}) == [SECRET, None]


@pytest.mark.parametrize(
    "reference",
    [
        {"ssm": PARAMETER.replace("us-east-1", "eu-west-1")},
        {"ssm": "arn:aws:ssm:us-east-1:123456789012:parameter/*"},
        {"secretsmanager": PARAMETER},
        {"secretsmanager": "notarealtoken"},
        {"ssm": PARAMETER, "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:alias/notarealtoken"},
    ],
)
def test_an_arn_that_the_function_could_never_read_ends_the_deployment(reference):
    form = list(reference)[-1]
    with pytest.raises(pulumi.RunError, match=rf"^notifier ops: webhook\.{form}: takes the ARN of a") as refused:
        stored_arns(lambda: {name: later(arn) for name, arn in reference.items()})

    assert "notarealtoken" not in str(refused.value)
