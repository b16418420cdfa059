"""The settings of a Batch environment that companies need: roles, addresses, encryption, retries, the log."""

from __future__ import annotations

import pulumi
import pytest

from batchbell.provisioning import Context
from components.settings.environment import EnvironmentSettings
from components.settings.mistakes import InvalidSettings
from components.settings.model import check_settings

MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
HERE = Context("nightly", "aws", "us-east-1", "123456789012")
ROLE = "arn:aws:iam::123456789012:role/company/render-job"
SUBNETS = [f"subnet-{number:017x}" for number in range(17)]


def check(**environment):
    raw = {"notifiers": [MAIL], "environment": {"name": "render"} | environment}
    settings = check_settings(raw, secrets={}, context=HERE, prefix="batchbell:").environment
    assert settings is not None
    return settings


def mistakes(**environment):
    with pytest.raises(InvalidSettings) as invalid:
        check(**environment)
    return [str(mistake).removeprefix("batchbell:environment_") for mistake in invalid.value.mistakes]


def test_all_of_them_have_defaults_with_which_aws_does_what_it_did():
    settings = check()

    assert (settings.job_role_arn, settings.execution_role_arn, settings.job_timeout) == ("", "", 0)
    assert (settings.assign_public_ip, settings.volume_encryption, settings.attempts) == (True, False, 1)
    assert settings.log_retention_days == 30


def test_the_default_image_comes_from_a_registry_that_does_not_limit_anonymous_pulls():
    assert EnvironmentSettings(name="render").image.startswith("public.ecr.aws/")


@pytest.mark.parametrize(
    "environment",
    [
        {"platform": "SPOT", "volume_encryption": True, "attempts": 10, "job_timeout": 60},
        {"platform": "FARGATE", "subnet_ids": SUBNETS[:16], "assign_public_ip": False},
        {"platform": "EC2", "subnet_ids": SUBNETS, "assign_public_ip": False},
        {"job_role_arn": ROLE, "execution_role_arn": ROLE.replace("/company", "")},
        {"log_retention_days": 731},
    ],
)
def test_what_aws_accepts_is_accepted(environment):
    settings = check(**environment)

    assert {name: getattr(settings, name) for name in environment} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in environment.items()
    }


@pytest.mark.parametrize(
    ("environment", "reported"),
    [
        ({"job_role_arn": "render"}, "job_role_arn: got 'render'; takes the ARN of an IAM role, for example arn:aws:"),
        ({"execution_role_arn": 7}, "execution_role_arn: got 7; takes the ARN of an IAM role, for example arn:aws:"),
        ({"job_role_arn": ROLE.replace(":role/", ":policy/")}, "job_role_arn: got 'arn:aws:iam::123456789012:policy/"),
        (
            {"execution_role_arn": ROLE.replace("123456789012", "210987654321")},
            "execution_role_arn: got 'arn:aws:iam::210987654321:role/company/render-job'; takes the ARN of an IAM role "
            "in the stack's account 123456789012",
        ),
        ({"assign_public_ip": "no way"}, "assign_public_ip: got 'no way'; takes true or false, for example false"),
        ({"assign_public_ip": False}, "assign_public_ip: got false; takes true without subnet_ids: in the default VPC"),
        ({"platform": "FARGATE", "volume_encryption": True}, "volume_encryption: got true; takes false on Fargate"),
        ({"platform": "FARGATE", "subnet_ids": SUBNETS}, "subnet_ids: got a list of 17; takes at most 16 subnets on"),
        ({"attempts": 0}, "attempts: got 0; takes a whole number from 1 to 10, for example 3"),
        ({"attempts": 11}, "attempts: got 11; takes a whole number from 1 to 10, for example 3"),
        ({"job_timeout": 59}, "job_timeout: got 59; takes 0 for no limit, or at least 60 whole seconds, for example"),
        ({"job_timeout": -1}, "job_timeout: got -1; takes 0 for no limit, or at least 60 whole seconds, for example"),
        ({"log_retention_days": 31}, "log_retention_days: got 31; takes one of 1, 3, 5, 7, 14, 30, 60, 90"),
    ],
)
def test_what_aws_refuses_is_reported_at_preview(environment, reported):
    (mistake,) = mistakes(**environment)

    assert mistake.startswith(reported)


def test_all_of_them_are_reported_at_once():
    reported = mistakes(
        platform="FARGATE",
        assign_public_ip=False,
        volume_encryption=True,
        attempts=0,
        job_timeout=1,
        job_role_arn="x",
        execution_role_arn="x",
        log_retention_days=2,
    )

    assert len(reported) == 7


@pytest.mark.usefixtures("event_loop_of_pulumi")
def test_roles_may_be_outputs_of_the_program():
    role = pulumi.Output.from_input(ROLE)

    assert check(job_role_arn=role).job_role_arn is role
