"""Settings for a company's account: every resource that can carry one really does, in every kind of stack."""

from __future__ import annotations

import json

import pytest

from tests.judges.registered import Recording, record
from tests.judges.stacks import BOUNDARY, COMPANY, GROUPS, KEY, PATH, STACKS, SUBNETS, TAGS

# Types without tags in AWS.
UNTAGGED = {
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
    "aws:sqs/queuePolicy:QueuePolicy",
}
KINDS = ("ec2-aws", "fargate-aws", "existing-aws")


@pytest.fixture(params=KINDS)
def company(request) -> Recording:
    return record({**STACKS[request.param].config, **COMPANY})


def test_everything_that_can_have_tags_has_the_companys_and_the_stacks_own(company):
    tagged = [one for one in company.resources if one.type_token not in UNTAGGED]
    print(f"{len(tagged)} resources with tags")

    assert len(tagged) >= 15
    assert {one.name: one.inputs.get("tags") for one in tagged} == {
        one.name: TAGS | {"batchbell": "batchbell/dev"} for one in tagged
    }


def test_every_role_has_the_boundary_and_the_path(company):
    roles = company.of_type("aws:iam/role:Role")
    print(f"{len(roles)} roles")

    assert roles
    assert {(one.inputs.get("permissionsBoundary"), one.inputs.get("path")) for one in roles} == {(BOUNDARY, PATH)}


def test_queues_ledger_log_and_environment_are_encrypted_with_the_key(company):
    queues = company.of_type("aws:sqs/queue:Queue")
    (ledger,) = company.of_type("aws:dynamodb/table:Table")
    log = next(one for one in company.of_type("aws:cloudwatch/logGroup:LogGroup") if one.name == "bell-dispatcher")
    (function,) = company.of_type("aws:lambda/function:Function")

    assert [(one.inputs["kmsMasterKeyId"], one.inputs.get("sqsManagedSseEnabled")) for one in queues] == [
        (KEY, None)
    ] * 3
    assert ledger.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": KEY}
    assert (log.inputs["kmsKeyId"], function.inputs["kmsKeyArn"]) == (KEY, KEY)


def test_the_function_is_in_the_subnets_and_its_role_has_the_rights_that_it_needs(company):
    (function,) = company.of_type("aws:lambda/function:Function")
    policy = next(one for one in company.of_type("aws:iam/rolePolicy:RolePolicy") if one.name == "bell-dispatcher")
    statements = json.loads(policy.inputs["policy"])["Statement"]
    allowed = {action: one["Resource"] for one in statements for action in one["Action"]}

    assert function.inputs["vpcConfig"] == {"subnetIds": SUBNETS, "securityGroupIds": GROUPS}
    assert allowed["kms:GenerateDataKey"] == [KEY]
    assert allowed["ec2:CreateNetworkInterface"] == allowed["ec2:DeleteNetworkInterface"] == ["*"]


def test_without_these_settings_nothing_carries_them():
    recording = STACKS["existing-aws"].record()
    inputs = [one.inputs for one in recording.resources if one.type_token != "aws:sns/topic:Topic"]  # has its own key
    names = ("permissionsBoundary", "path", "kmsMasterKeyId", "serverSideEncryption", "kmsKeyArn", "vpcConfig")

    assert not [one for one in inputs if one.keys() & set(names)]
    assert "ec2:CreateNetworkInterface" not in json.dumps(inputs)
