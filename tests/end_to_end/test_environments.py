"""The Batch environments that a stack can create."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment, DeploymentFailed, this_machine
from tests.end_to_end.stack import deploy

SNS = [{"type": "sns", "name": "chatops"}]
ROLE = "arn:aws:iam::123456789012:role/company/render"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PRIVATE_SUBNET = "subnet-00000004"  # of the default VPC of local AWS
EVERY_SETTING: dict[str, Any] = {
    "environment_attempts": 3,
    "environment_job_timeout": 600,
    "environment_job_role_arn": f"{ROLE}-job",
    "environment_execution_role_arn": f"{ROLE}-execution",
    "environment_log_retention_days": 7,
}
OF_A_PLATFORM: dict[str, dict[str, Any]] = {
    "SPOT": {"environment_volume_encryption": True},
    "FARGATE_SPOT": {"environment_assign_public_ip": False, "environment_subnet_ids": [PRIVATE_SUBNET]},
}


@dataclass(frozen=True)
class Environment:
    """A stack's Batch environment, with every setting that its platform takes."""

    cloud: LocalCloud
    deployment: Deployment

    @property
    def tags(self) -> dict[str, str]:
        return {"batchbell": f"batchbell/{self.deployment.outputs['function_name'].rpartition('-bell-dispatcher')[0]}"}

    @property
    def compute_resources(self) -> dict[str, Any]:
        name = self.deployment.outputs["compute_environment_name"]
        found = self.cloud.client("batch").describe_compute_environments(computeEnvironments=[name])
        resources: dict[str, Any] = found["computeEnvironments"][0]["computeResources"]
        return resources

    @property
    def definition(self) -> dict[str, Any]:
        name = self.deployment.outputs["job_definition_name"]
        found = self.cloud.client("batch").describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]
        definition: dict[str, Any] = found[0]
        return definition

    @property
    def log_group(self) -> dict[str, Any]:
        """The log group that the job definition names."""
        name = self.definition["containerProperties"]["logConfiguration"]["options"]["awslogs-group"]
        (found,) = self.cloud.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return dict(found)

    def launch_template(self) -> dict[str, Any]:
        named = self.compute_resources["launchTemplate"]
        found = self.cloud.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=named["launchTemplateId"], Versions=[named["version"]]
        )
        data: dict[str, Any] = found["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        return data

    def names(self, type_: str) -> list[str]:
        return [one.name for one in self.deployment.resources if one.type == type_]


@pytest.fixture(scope="module")
def environment_on(shared_cloud, project):
    @functools.cache
    def on(platform):
        config = {"environment_name": platform, "environment_platform": platform, "notifiers": SNS, **this_machine()}
        stack = f"on-{platform.lower().replace('_', '-')}"
        given = config | EVERY_SETTING | OF_A_PLATFORM[platform]
        return Environment(shared_cloud, deploy(shared_cloud.environment(), project, stack, config=given))

    return on


@pytest.mark.parametrize("platform", ["SPOT", "FARGATE_SPOT"])
def test_each_platform_is_created_and_each_fargate_platform_is_another_resource(environment_on, platform):
    made = environment_on(platform)
    (resource,) = made.names("aws:batch/computeEnvironment:ComputeEnvironment")

    assert made.compute_resources["type"] == platform
    assert resource.endswith({"SPOT": "-ec2", "FARGATE_SPOT": "-fargate-spot"}[platform])


@pytest.mark.parametrize("platform", ["SPOT", "FARGATE_SPOT"])
def test_jobs_get_roles_attempts_timeout_and_tags_of_the_settings(environment_on, platform):
    made = environment_on(platform)
    container = made.definition["containerProperties"]

    assert (container["jobRoleArn"], container["executionRoleArn"]) == (f"{ROLE}-job", f"{ROLE}-execution")
    assert made.definition["retryStrategy"]["attempts"] == 3
    assert made.definition["timeout"] == {"attemptDurationSeconds": 600}
    assert (made.definition["propagateTags"], made.definition["tags"]) == (True, made.tags)
    assert not any("execution" in name for name in made.names("aws:iam/role:Role"))


@pytest.mark.parametrize("platform", ["SPOT", "FARGATE_SPOT"])
def test_jobs_log_to_a_group_of_the_stack_that_forgets(environment_on, platform):
    group = environment_on(platform).log_group

    assert group["retentionInDays"] == 7
    assert group["logGroupName"].startswith(f"on-{platform.lower().replace('_', '-')}-bell-batch-jobs-")


def test_instances_and_their_volumes_have_the_tags_and_are_encrypted(environment_on):
    made = environment_on("SPOT")
    template = made.launch_template()
    tags = [{"Key": key, "Value": value} for key, value in made.tags.items()]
    (volume,) = template["BlockDeviceMappings"]

    assert made.compute_resources["tags"] == made.tags
    assert {one["ResourceType"]: one["Tags"] for one in template["TagSpecifications"]} == {
        "instance": tags,
        "volume": tags,
    }
    assert volume["DeviceName"] == "/dev/xvda"
    assert volume["Ebs"]["Encrypted"] is True


def test_a_fargate_job_in_a_private_subnet_has_no_public_address(environment_on):
    made = environment_on("FARGATE_SPOT")

    assert made.compute_resources["subnets"] == [PRIVATE_SUBNET]
    assert made.definition["containerProperties"]["networkConfiguration"] == {"assignPublicIp": "DISABLED"}
    assert "tags" not in made.compute_resources  # AWS refuses them on Fargate


def test_of_the_default_vpc_only_each_zones_own_public_subnet_is_used(environment_on, shared_cloud):
    used = environment_on("SPOT").compute_resources["subnets"]
    found = shared_cloud.client("ec2").describe_subnets(SubnetIds=used)["Subnets"]

    assert sorted(one["AvailabilityZone"] for one in found) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert all(one["DefaultForAz"] and one["MapPublicIpOnLaunch"] for one in found)


def test_a_key_of_the_company_encrypts_volumes_and_logs(shared_cloud, program):
    source = f"""
        from dataclasses import replace

        import pulumi

        from components.batch_environment import BatchEnvironment
        from components.deployment_context import find_deployment_context
        from components.settings.environment import EnvironmentSettings

        settings = EnvironmentSettings(name="encrypted", volume_encryption=True)
        context = replace(find_deployment_context("encrypted"), kms_key_arn="{KEY}")
        made = BatchEnvironment("encrypted", settings, context)
        pulumi.export("job_definition_name", made.definition_name)
        pulumi.export("compute_environment_name", made.compute_environment_name)
        """
    made = Environment(shared_cloud, deploy(shared_cloud.environment(), program(source), "encrypted"))

    assert made.launch_template()["BlockDeviceMappings"][0]["Ebs"]["KmsKeyId"] == KEY
    assert made.log_group["kmsKeyId"] == KEY


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


def test_a_default_vpc_with_only_private_subnets_is_an_error_that_says_why_each_was_left_out(project):
    with LocalCloud.start() as private:
        ec2 = private.client("ec2")
        for subnet in ec2.describe_subnets()["Subnets"]:
            if subnet["SubnetId"] != PRIVATE_SUBNET:
                ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        config = {"environment_name": "x", "notifiers": SNS, **this_machine()}
        reason = (
            rf"left out: {PRIVATE_SUBNET} \(not its zone's own subnet\); none is left in us-east-1: set environment_"
        )
        with pytest.raises(DeploymentFailed, match=reason):
            deploy(private.environment(), project, "only-private", config=config)
