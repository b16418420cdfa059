"""The Batch environments that a stack can create."""

from __future__ import annotations

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import DeploymentFailed, this_machine
from tests.end_to_end.stack import deploy

SNS = [{"type": "sns", "name": "chatops"}]


@pytest.mark.parametrize("platform", ["SPOT", "FARGATE_SPOT"])
def test_each_platform_is_created_and_each_fargate_platform_is_another_resource(shared_cloud, project, platform):
    deployment = deploy(
        shared_cloud.environment(),
        project,
        f"on-{platform.lower().replace('_', '-')}",
        config={"environment_name": platform, "environment_platform": platform, "notifiers": SNS, **this_machine()},
    )
    name = deployment.outputs["compute_environment_name"]
    (made,) = shared_cloud.client("batch").describe_compute_environments(computeEnvironments=[name])[
        "computeEnvironments"
    ]
    (resource,) = (one.name for one in deployment.resources if one.type.endswith(":ComputeEnvironment"))

    assert made["computeResources"]["type"] == platform
    assert resource.endswith({"SPOT": "-ec2", "FARGATE_SPOT": "-fargate-spot"}[platform])


def test_each_instance_policy_is_attached_as_a_resource_with_its_own_name(shared_cloud, project):
    arns = [f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonS3ReadOnlyAccess", "AmazonSQSReadOnlyAccess")]
    config = {"environment_name": "reading", "notifiers": SNS, **this_machine()}
    names = []
    for number, chosen in enumerate([arns, arns[1:]]):
        stack = f"reading-{number}"
        made = deploy(
            shared_cloud.environment(),
            project,
            stack,
            config={**config, "environment_name": stack, "environment_instance_policy_arns": chosen},
        )
        names.append({one.name.removeprefix(stack) for one in made.resources if "PolicyAttachment" in one.type})

    assert names[1] < names[0]


def test_a_region_without_subnets_is_an_error_that_names_the_setting_to_use(project):
    with LocalCloud.start() as empty:
        ec2 = empty.client("ec2")
        (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        config = {"environment_name": "x", "notifiers": SNS, **this_machine()}
        with pytest.raises(DeploymentFailed, match="has no subnets in us-east-1: set environment_subnet_ids"):
            deploy(empty.environment(), project, "no-subnets", config=config)
