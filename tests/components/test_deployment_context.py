"""What every resource of a stack carries, from the stack's settings."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pulumi
import pytest
from botocore.loaders import Loader

from batchbell.provisioning import Context
from components import ArrayJobNotifierArgs
from components.deployment_context import REGION, with_company_settings
from components.settings.model import Settings, check_settings

HERE = Context("nightly", "aws", "us-east-1", "123456789012", {"batchbell": "batchbell/nightly"})
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
POLICY = "arn:aws:iam::123456789012:policy/developers"
MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"


def context_of(**settings: Any) -> Context:
    raw = {"notifiers": [MAIL], "job_queue_arns": [QUEUE]} | settings
    return with_company_settings(HERE, check_settings(raw, secrets={}, context=HERE))


def test_a_program_can_give_every_setting_of_a_stack():
    assert {one.name for one in fields(ArrayJobNotifierArgs)} == set(Settings.model_fields)


def test_without_settings_resources_carry_the_stacks_own_tag_alone():
    assert context_of() == HERE


def test_the_companys_tags_stand_beside_the_stacks_own():
    assert context_of(tags={"team": "rendering"}).tags == {"team": "rendering", "batchbell": "batchbell/nightly"}


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("kms_key_arn", KEY, None),
        (
            "kms_key_arn",
            KEY.replace("us-east-1", "eu-west-1"),
            "kms_key_arn: takes the ARN of a KMS key in the stack's",
        ),
        ("permissions_boundary_arn", POLICY, None),
        ("permissions_boundary_arn", "developers", "permissions_boundary_arn: takes the ARN of an IAM policy"),
    ],
)
def test_an_output_is_checked_as_soon_as_its_value_is_known(setting, value, problem):
    async def resolve() -> Any:
        output = getattr(context_of(**{setting: pulumi.Output.from_input(value)}), setting)
        return await output.future()

    if problem is None:
        assert asyncio.run(resolve()) == value
    else:
        with pytest.raises(pulumi.RunError, match=problem):
            asyncio.run(resolve())


def test_every_region_that_the_sdk_knows_is_taken_and_no_availability_zone():
    partitions = Loader().load_data("partitions")["partitions"]
    regions = [name for one in partitions for name in one["regions"] if not name.endswith("-global")]

    assert [name for name in regions if not REGION.fullmatch(name)] == []
    assert [name for name in regions if REGION.fullmatch(f"{name}a")] == []
    assert len(regions) > 40
