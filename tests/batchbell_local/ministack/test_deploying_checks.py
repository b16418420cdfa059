"""What IAM checks for the requests of a deployment. tests/end_to_end/test_deploying_rights.py makes such requests."""

from __future__ import annotations

import pytest

from batchbell_local.ministack.deploying_checks import Check, Known, Request, checks_of
from tests.judges.iam_reference import is_action

ROLE = "arn:aws:iam::123456789012:role/dev"
KNOWN = Known(
    role_arn=lambda name: f"arn:aws:iam::123456789012:role/ours/{name}",
    profile_role=lambda name: "instance" if name == "profile" else "",
    mapping_function=lambda id: "arn:aws:lambda:us-east-1:123456789012:function:dev",
    ec2_tags=lambda id: {"batchbell": "batchbell/dev"},
    has_batch_role=lambda: False,
)


def arn(service, resource):
    return f"arn:aws:{service}:us-east-1:123456789012:{resource}"


def checks(action, parameters, *, path="/", tagged=False, own="*"):
    found = checks_of(Request(action, parameters, path, tagged, "us-east-1", "123456789012"), KNOWN, own)
    assert all(is_action(one.action) for one in found)
    return found


@pytest.mark.parametrize(
    ("action", "parameters", "role", "service"),
    [
        ("lambda:CreateFunction", {"FunctionName": "dev", "Role": ROLE}, ROLE, "lambda.amazonaws.com"),
        (
            "iam:AddRoleToInstanceProfile",
            {"InstanceProfileName": "dev", "RoleName": "dev"},
            KNOWN.role_arn("dev"),
            "ec2.amazonaws.com",
        ),
        (
            "batch:RegisterJobDefinition",
            {"jobDefinitionName": "dev", "containerProperties": {"executionRoleArn": ROLE}},
            ROLE,
            "ecs-tasks.amazonaws.com",
        ),
        (
            "batch:CreateComputeEnvironment",
            {"computeEnvironmentName": "dev", "computeResources": {"instanceRole": "arn:…:instance-profile/profile"}},
            KNOWN.role_arn("instance"),
            "ec2.amazonaws.com",
        ),
    ],
)
def test_whoever_gives_a_role_to_a_service_needs_to_pass_it(action, parameters, role, service):
    assert Check("iam:PassRole", role, {"iam:PassedToService": service}) in checks(action, parameters)


def test_the_first_compute_environment_of_an_account_needs_the_service_linked_role():
    (check,) = [
        one
        for one in checks("batch:CreateComputeEnvironment", {"computeEnvironmentName": "dev"})
        if one.action == "iam:CreateServiceLinkedRole"
    ]

    assert check.resource.endswith(":role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch")


def test_a_new_resource_with_tags_needs_the_action_that_tags_it():
    queue = arn("sqs", "dev-intake")
    own, tagging = checks("sqs:CreateQueue", {"QueueName": "dev-intake"}, tagged=True, own=queue)

    assert (own, tagging) == (Check("sqs:CreateQueue", queue), Check("sqs:TagQueue", queue))
    assert checks("sqs:CreateQueue", {"QueueName": "dev-intake"}, own=queue) == [own]


def test_a_security_group_and_its_vpc_are_checked_each_with_its_own_keys():
    specified = {"TagSpecification.1.Tag.1.Key": "batchbell", "TagSpecification.1.Tag.1.Value": "batchbell/dev"}
    group, tagging, vpc = checks("ec2:CreateSecurityGroup", {"VpcId": "vpc-1", **specified}, tagged=True)

    tags = {"aws:RequestTag/batchbell": "batchbell/dev"}
    assert group == Check("ec2:CreateSecurityGroup", arn("ec2", "security-group/new"), tags)
    assert tagging == Check("ec2:CreateTags", group.resource, {**tags, "ec2:CreateAction": "CreateSecurityGroup"})
    assert vpc == Check("ec2:CreateSecurityGroup", arn("ec2", "vpc/vpc-1"))


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("ec2:DeleteSecurityGroup", {"GroupId": "sg-1"}),
        ("ec2:DeleteTags", {"ResourceId.1": "sg-1"}),
    ],
)
def test_changes_of_a_security_group_are_checked_with_its_tags(action, parameters):
    tags = {"aws:ResourceTag/batchbell": "batchbell/dev"}
    assert checks(action, parameters) == [Check(action, arn("ec2", "security-group/sg-1"), tags)]


@pytest.mark.parametrize(
    ("action", "parameters", "path", "resources"),
    [
        (
            "cloudwatch:DeleteAlarms",
            {"AlarmNames": ["a", "b"]},
            "/",
            [arn("cloudwatch", "alarm:a"), arn("cloudwatch", "alarm:b")],
        ),
        ("events:PutTargets", {"Rule": "dev"}, "/", [arn("events", "rule/dev")]),
        ("dynamodb:TagResource", {"ResourceArn": arn("dynamodb", "table/dev")}, "/", [arn("dynamodb", "table/dev")]),
        ("batch:TagResource", {}, f"/v1/tags/{arn('batch', 'job-queue/dev')}", [arn("batch", "job-queue/dev")]),
        ("batch:UpdateJobQueue", {"jobQueue": "dev"}, "/", [arn("batch", "job-queue/dev")]),
        (
            "lambda:DeleteEventSourceMapping",
            {},
            "/2015-03-31/event-source-mappings/1",
            [arn("lambda", "event-source-mapping:1")],
        ),
        ("iam:GetRole", {"RoleName": "dev"}, "/", [KNOWN.role_arn("dev")]),
        ("logs:DescribeLogGroups", {"logGroupNamePrefix": "dev"}, "/", ["*"]),
    ],
)
def test_an_action_is_checked_on_the_resources_that_it_names(action, parameters, path, resources):
    assert [one.resource for one in checks(action, parameters, path=path)] == resources
