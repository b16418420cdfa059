"""Outputs from a program are checked as soon as their values are known, and never shown."""

from __future__ import annotations

import asyncio
import sys
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
    """A parameter that only records its inputs."""

    arn = PARAMETER
    inputs: ClassVar[dict[str, Any]] = {}

    def __init__(self, _resource_name, **inputs):
        Parameter.inputs = inputs


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch):
    monkeypatch.setattr("pulumi_aws.ssm.Parameter", Parameter)


def granted(webhook, **settings):
    """The notifier's grants. `webhook()` returns its secret, `settings` are its other settings."""
    notifier = {"type": "slack", "name": "ops", "webhook": webhook(), **settings}
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
    checked = check_settings({"notifiers": [notifier], "job_queue_arns": [queue]}, secrets={}, context=HERE)
    return grant("nightly", checked.notifiers[0], HERE, pulumi.ResourceOptions())


def later(value):
    return pulumi.Output.from_input(value)


@pytest.mark.parametrize(("settings", "digest_after"), [({}, 5), ({"digest_after": 12}, 12), ({"digest_after": 0}, 0)])
def test_the_manifest_says_when_to_send_a_digest(settings, digest_after):
    assert granted(lambda: {"ssm": PARAMETER}, **settings).manifest_entry()["digest_after"] == digest_after


def test_a_notifier_that_calls_sys_exit_fails_the_deployment(monkeypatch):
    """With exit code 0, Pulumi would delete what the program had not come to yet."""
    monkeypatch.setattr("notifiers.slack.infrastructure.provision", lambda *_, **__: sys.exit(0))

    with pytest.raises(pulumi.RunError, match=r"notifier ops: its provision\(\) called sys\.exit\(\)"):
        granted(lambda: {"ssm": PARAMETER})


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
def test_an_invalid_secret_ends_the_deployment_without_being_shown(value):
    with pytest.raises(pulumi.RunError, match=r"^notifier ops: webhook: the (webhook|secret) ") as refused:
        stored_value(lambda: pulumi.Output.secret(value))

    assert "notarealtoken" not in str(refused.value)


def test_valid_arns_that_are_known_later_are_accepted():
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
