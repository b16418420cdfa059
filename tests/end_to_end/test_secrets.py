"""Secrets in each form: what the function may read and decrypt, and a rotation without a deployment."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from batchbell_local.deployment import this_machine
from batchbell_local.slack.sink import SlackSink
from tests.end_to_end.inspected_stacks import InspectedStack, arn
from tests.end_to_end.stack import TIMEOUT, Stack, deploy
from tests.waiting import patience

FORMS = ("config", "ssm", "secretsmanager")
STORED = "/batchbell/batchbell/secrets/bell/config/webhook"  # where the program keeps the form `config`


@dataclass(frozen=True)
class Webhooks:
    """The webhooks of one notifier: the one at deployment, and the one after the rotation."""

    old: SlackSink
    new: SlackSink


@pytest.fixture(scope="module")
def webhooks() -> Iterator[Mapping[str, Webhooks]]:
    with ExitStack() as running:
        yield {form: Webhooks(*(running.enter_context(SlackSink.start()) for _ in range(2))) for form in FORMS}


@pytest.fixture(scope="module")
def keys(shared_cloud):
    return {form: shared_cloud.client("kms").create_key()["KeyMetadata"]["Arn"] for form in FORMS}


@pytest.fixture(scope="module")
def secret(shared_cloud, webhooks, keys):
    """The ARN of the secret in Secrets Manager. The parameter beside it is /theirs."""
    ssm = {"Name": "/theirs", "Value": webhooks["ssm"].old.url, "Type": "SecureString", "KeyId": keys["ssm"]}
    shared_cloud.client("ssm").put_parameter(**ssm)
    kept = {"Name": "theirs", "SecretString": webhooks["secretsmanager"].old.url, "KmsKeyId": keys["secretsmanager"]}
    return shared_cloud.client("secretsmanager").create_secret(**kept)["ARN"]


@pytest.fixture(scope="module")
def stack(shared_cloud, project, webhooks, keys, secret, wait_until) -> Stack:
    """A stack with one notifier per form, named like the form."""
    references = {"config": "slackWebhook", "ssm": arn("ssm", "parameter/theirs"), "secretsmanager": secret}
    config = {
        "environment_name": "secrets",
        "environment_platform": "FARGATE",
        "function_timeout": TIMEOUT,
        "notifiers": [
            {"type": "slack", "name": form, "webhook": {form: references[form], "kms_key_arn": keys[form]}}
            for form in FORMS
        ],
    }
    secrets = {"slackWebhook": webhooks["config"].old.url}
    deployment = deploy(shared_cloud.environment(), project, "secrets", config=config | this_machine(), secrets=secrets)
    return Stack(shared_cloud, deployment, webhooks["config"].old, wait_until)


def test_the_function_may_only_read_its_secrets_and_decrypt_with_their_keys(stack, keys, secret):
    deployed = InspectedStack(stack.cloud, stack.deployment, {}, [])
    granted = {
        (action, resource)
        for statement in deployed.statements(deployed.role)
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action.startswith(("ssm:", "secretsmanager:", "kms:"))
    }

    assert granted == {
        ("ssm:GetParameter", arn("ssm", f"parameter{STORED}")),
        ("ssm:GetParameter", arn("ssm", "parameter/theirs")),
        ("secretsmanager:GetSecretValue", secret),
        *(("kms:Decrypt", key) for key in keys.values()),
    }


def test_a_secret_that_the_program_stores_is_encrypted_with_the_key(stack, keys):
    (stored,) = (one for one in stack.cloud.client("ssm").describe_parameters()["Parameters"] if one["Name"] == STORED)

    assert (stored["Type"], stored["KeyId"]) == ("SecureString", keys["config"])


@dataclass(frozen=True)
class Rotation:
    """The names of the jobs before and after the rotation."""

    before: str
    after: str


@pytest.fixture(scope="module")
def rotation(stack, webhooks, keys, secret) -> Rotation:
    """Revokes the old webhooks and writes the new ones where the old ones were, without a deployment."""
    jobs = Rotation(*(f"job-{uuid.uuid4().hex[:8]}" for _ in range(2)))
    stack.submit(jobs.before, size=2)
    for form in FORMS:
        webhooks[form].old.wait_for(1, timeout=patience(20))
        webhooks[form].old.answer(status=404)
    stack.wait_until_idle()  # so that the next message goes to the same process, which knows the old webhooks
    for name, form in ((STORED, "config"), ("/theirs", "ssm")):
        value = {"Value": webhooks[form].new.url, "Type": "SecureString", "KeyId": keys[form]}
        stack.cloud.client("ssm").put_parameter(Name=name, Overwrite=True, **value)
    rotated = {"SecretId": secret, "SecretString": webhooks["secretsmanager"].new.url}
    stack.cloud.client("secretsmanager").put_secret_value(**rotated)
    stack.submit(jobs.after, size=2)
    for form in FORMS:
        webhooks[form].old.wait_for_requests(2, timeout=patience(20))
    stack.wait_until_idle()
    return jobs


@pytest.mark.parametrize("form", FORMS)
def test_a_rotated_secret_is_used_without_a_deployment(rotation, webhooks, form):
    old, new = webhooks[form].old, webhooks[form].new

    assert [request.answered for request in old.requests] == [200, 404]
    assert [rotation.before in payload["text"] for payload in old.accepted] == [True]
    assert [rotation.after in payload["text"] for payload in new.accepted] == [True]


def test_a_rotation_makes_no_dead_letter(rotation, stack):
    assert stack.dead_letters() == []
