"""docs/permissions.md on local AWS: a stack lives with exactly the rights for deploying, and not without one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from batchbell_local.deployment import this_machine
from batchbell_local.pulumi.resources.property_values import ARCHIVE, ASSET, SIGNATURE
from demo.print_color import SENDER
from tests.end_to_end.deployer import Deployer, Life, Owner, is_refusal
from tests.end_to_end.stack import deploy
from tests.judges.deploying_calls import CALLS
from tests.judges.iam_reference import listed

STACK = "rights"
CONFIG = {
    "environment_name": STACK,
    "environment_platform": "EC2",
    "environment_command": ["true"],
    "watch_every": 15,
    "notifiers": [
        {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}},
        {"type": "email", "name": "email", "sender": SENDER, "recipients": ["team@example.com"]},
        {"type": "sns", "name": "sns"},
    ],
}
CODE = {SIGNATURE: ARCHIVE, "assets": {"app.py": {SIGNATURE: ASSET, "text": ""}}}
SIZE = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
CONTAINER = {"image": "busybox", "resourceRequirements": SIZE}
# Statements without an action of their own that local AWS asks for: the resources that other requests pass.
PASSING = {
    "FunctionRole": "aws:lambda/function:Function",
    "InstanceRole": "aws:iam/instanceProfile:InstanceProfile",
    "ExecutionRole": "aws:batch/jobDefinition:JobDefinition",
    "FirstBatchEnvironmentOfTheAccount": "aws:batch/computeEnvironment:ComputeEnvironment",
}


@pytest.fixture(scope="module")
def deployer(shared_cloud):
    return Deployer.create(shared_cloud, STACK, ["Deploying", "Deploying a Batch environment"])


@pytest.fixture(scope="module")
def deployment(deployer, shared_stack, project):
    """The stack, deployed with exactly these rights."""
    secrets = {"slackWebhook": shared_stack.sink.url}
    return deploy(deployer.environment, project, STACK, config={**CONFIG, **this_machine()}, secrets=secrets)


@pytest.fixture
def lives(deployer, deployment, monkeypatch):
    """A life of each of the stack's resources, with exactly these rights."""
    clients, owner = deployer.clients(monkeypatch), Owner()
    role = owner("iam").create_role(RoleName=f"{STACK}-bell-batch-execution-0123456", AssumeRolePolicyDocument="{}")[
        "Role"
    ]
    lives = []
    for one in deployment.resources:
        more: dict[str, Any] = {}
        if one.type == "aws:lambda/function:Function":
            more = {"code": CODE}
        elif one.type == "aws:batch/jobDefinition:JobDefinition":
            more = {"containerProperties": json.dumps({**CONTAINER, "executionRoleArn": role["Arn"]})}
        lives.append(Life.of(one, clients, owner, f"batchbell/{STACK}", **more))
    yield lives
    owner("iam").delete_role(RoleName=role["RoleName"])


def _using(life, statement):
    """Whether this resource probably needs the statement: a refusal is found sooner if it is tried first."""
    actions = set(listed(statement["Action"]))
    return life.resource.type == PASSING.get(statement["Sid"]) or bool(
        actions & CALLS[life.resource.type].all_actions()
    )


def test_a_stack_is_deployed_changed_and_destroyed_with_exactly_these_rights_and_not_without_one(deployer, lives):
    for life in lives:
        life.live()

    statements, began = deployer.statements, time.monotonic()
    for number, statement in enumerate(statements):
        deployer.allow([*statements[:number], *statements[number + 1 :]])
        by_use = sorted(lives, key=lambda life: not _using(life, statement))
        assert any(_is_refused(life) for life in by_use), f"nothing is refused without {statement['Sid']}"
    print(f"{len(lives)} resources, {len(statements)} statements left out in {time.monotonic() - began:.1f} s")

    deployer.allow(statements)
    for life in reversed(lives):
        life.end()
    assert [life.resource for life in lives if life.exists()] == []


def _is_refused(life):
    try:
        life.live()
    except Exception as error:
        if not is_refusal(error):
            raise
        return True
    return False
