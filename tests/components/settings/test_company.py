"""Settings for a company's account: what they refuse, and with which words."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from batchbell.provisioning import Context
from components.settings.mistakes import InvalidSettings
from components.settings.model import Settings, check_settings

MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
HERE = Context("nightly", "aws", "us-east-1", "123456789012")
POLICY = "arn:aws:iam::123456789012:policy/teams/developers"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"


def check(**raw: Any) -> Settings:
    given = {"notifiers": [MAIL], "job_queue_arns": [QUEUE]} | raw
    return check_settings(given, secrets={}, context=HERE, prefix="batchbell:")


def only_mistake(**raw: Any) -> str:
    with pytest.raises(InvalidSettings) as invalid:
        check(**raw)
    (mistake,) = invalid.value.mistakes
    return str(mistake)


def function(**settings: Any) -> dict[str, Any]:
    return {"function": settings}


@pytest.mark.parametrize(
    ("raw", "reported"),
    [
        (
            {"tags": ["team"]},
            "tags: got a list of 1; takes an object of names and values, for example {cost-centre: 47",
        ),
        ({"tags": {"aws:team": "x"}}, "tags: aws:team: AWS reserves names that begin with aws:"),
        ({"tags": {"AWS:team": "x"}}, "tags: AWS:team: AWS reserves names that begin with aws:"),
        ({"tags": {"": "x"}}, "tags: : a name takes 1 to 128 letters, digits, spaces and _.:/=+-@"),
        ({"tags": {"x" * 129: "x"}}, "tags: …: a name takes 1 to 128 letters"),
        (
            {"tags": {"team": "x" * 257}},
            "tags: team: a value takes a string of at most 256 letters, digits, spaces and",
        ),
        ({"tags": {"team": "a;b"}}, "tags: team: a value takes a string of at most 256 letters"),
        ({"tags": {"cost-centre": 4711}}, "tags: cost-centre: a value takes a string"),
        ({"tags": {"Batchbell": "x"}}, "tags: Batchbell: the stack sets this tag itself"),
        ({"tags": {"team": "x", "Team": "y"}}, "tags: team and Team are one name to IAM, which ignores case"),
        ({"tags": {f"n{n}": "x" for n in range(50)}}, "tags: 50 tags, and AWS takes 50 with the stack's own one"),
        ({"permissions_boundary_arn": "developers"}, "permissions_boundary_arn: got 'developers'; takes the ARN of an"),
        (
            {"permissions_boundary_arn": POLICY.replace("123456789012", "210987654321")},
            f"permissions_boundary_arn: got '{POLICY.replace('123456789012', '210987654321')}'; takes the ARN of an "
            "IAM policy in the stack's account 123456789012, or of AWS's own",
        ),
        (
            {"permissions_boundary_arn": "arn:aws-cn:iam::aws:policy/PowerUserAccess"},
            "permissions_boundary_arn: got 'arn:aws-cn:iam::aws:policy/PowerUserAccess'; takes the ARN of an IAM",
        ),
        ({"role_path": "batch"}, "role_path: got 'batch'; takes a path of at most 512 characters that begins and ends"),
        ({"role_path": "//"}, "role_path: got '//'; takes a path"),
        ({"role_path": "/aws-service-role/x/"}, "role_path: got '/aws-service-role/x/'; takes a path"),
        ({"role_path": "/" + "x" * 511 + "/"}, "role_path: got a string of 513 characters; takes a path"),
        ({"kms_key_arn": "alias/batch"}, "kms_key_arn: got 'alias/batch'; takes the ARN of a KMS key, for example"),
        ({"kms_key_arn": KEY.replace("key/1234", "alias/")}, "kms_key_arn: got 'arn:aws:kms:us-east-1:123456789012:al"),
        (
            {"kms_key_arn": KEY.replace("us-east-1", "eu-west-1")},
            f"kms_key_arn: got '{KEY.replace('us-east-1', 'eu-west-1')}'; takes the ARN of a KMS key in the",
        ),
        (function(subnet_ids=["x"], security_group_ids=[GROUP]), "function_subnet_ids[0]: got 'x'; takes a subnet ID"),
        (
            function(subnet_ids=[SUBNET], security_group_ids=["x"]),
            "function_security_group_ids[0]: got 'x'; takes the ID of a security group, for example sg-0123",
        ),
        (
            function(subnet_ids=[SUBNET]),
            "function_security_group_ids: got an empty list; takes security groups if subnets are given, and none with",
        ),
        (
            function(security_group_ids=[GROUP]),
            "function_security_group_ids: got a list of 1; takes security groups if",
        ),
        (
            function(subnet_ids=[SUBNET] * 17, security_group_ids=[GROUP]),
            "function_subnet_ids: got a list of 17; takes at most 16 items",
        ),
        (
            function(subnet_ids=[SUBNET], security_group_ids=[GROUP] * 6),
            "function_security_group_ids: got a list of 6; takes at most 5 items",
        ),
    ],
)
def test_a_mistake_is_reported_with_what_the_setting_takes(raw, reported):
    assert only_mistake(**raw).startswith(f"batchbell:{reported}")


def test_what_aws_takes_is_taken():
    settings = check(
        tags={"Kostenstelle Übersee": "", "a" * 128: "b" * 256, **{f"n{n}": "x" for n in range(47)}},
        permissions_boundary_arn="arn:aws:iam::aws:policy/PowerUserAccess",
        role_path="/teams/batch/",
        kms_key_arn=KEY.replace("123456789012", "210987654321"),
        function={"subnet_ids": [SUBNET] * 16, "security_group_ids": [GROUP] * 5},
    )

    assert (len(settings.tags), settings.role_path) == (49, "/teams/batch/")


@pytest.mark.usefixtures("event_loop_of_pulumi")
def test_arns_and_ids_may_be_outputs():
    unknown = pulumi.Output.from_input("x")
    settings = check(
        permissions_boundary_arn=unknown,
        kms_key_arn=unknown,
        function={"subnet_ids": [unknown], "security_group_ids": [unknown]},
    )

    assert settings.kms_key_arn is unknown
