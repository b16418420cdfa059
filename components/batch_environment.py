"""BatchEnvironment: a compute environment, a job queue and a job definition, with the permissions they need."""

from __future__ import annotations

import hashlib
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.partitions import ec2_principal
from batchbell.provisioning import Context

from .batch_network import Network, find_network
from .job_definition import make_job_definition
from .service_role import service_role
from .settings.environment import EnvironmentSettings

# The root volume of the images that AWS Batch chooses, which is also where containers write (AWS Batch User Guide, "Use
# Amazon EC2 launch templates with AWS Batch").
ROOT_DEVICE = "/dev/xvda"


class BatchEnvironment(pulumi.ComponentResource):
    """Creates the job queue NAME-queue, the job definition NAME, and a compute environment NAME-computing-….

    The compute environment has a name prefix, and a resource of its own for instances and for each kind of Fargate.
    If a change cannot be made in place, Pulumi creates the new environment, moves the queue to it, then deletes the old
    one. With an exact name Pulumi would delete first, which AWS refuses while a queue refers to the environment. Where
    AWS still sees the relation that has just ended, only that last step fails: docs/operations.md, "Replacing the
    compute environment", says what to do.
    """

    queue_arn: pulumi.Output[str]
    queue_name: pulumi.Output[str]
    definition_name: pulumi.Output[str]
    compute_environment_name: pulumi.Output[str]
    log_group_arn: pulumi.Output[str]  # of its jobs' logs

    def __init__(
        self,
        name: str,
        settings: EnvironmentSettings,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("batchbell:index:BatchEnvironment", name, None, opts)
        self._name, self._settings, self._context = name, settings, context
        compute_environment = self._compute_environment()
        queue = aws.batch.JobQueue(
            f"{name}-queue",
            name=f"{settings.name}-queue",
            state="ENABLED",
            priority=1,
            compute_environment_orders=[{"order": 1, "compute_environment": compute_environment.arn}],
            tags=context.tags,
            opts=self._child(),
        )
        # Batch's own log group, which all of an account's jobs share, keeps its logs for ever.
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-jobs",
            retention_in_days=settings.log_retention_days,
            kms_key_id=context.kms_key_arn,
            tags=context.tags,
            opts=self._child(),
        )
        definition = make_job_definition(name, settings, context, log_group=log_group, parent=self)
        self.queue_arn = queue.arn
        self.queue_name = queue.name
        self.definition_name = definition.name
        self.compute_environment_name = compute_environment.name
        self.log_group_arn = log_group.arn
        self.register_outputs(
            {
                "queue_arn": self.queue_arn,
                "queue_name": self.queue_name,
                "definition_name": self.definition_name,
                "compute_environment_name": self.compute_environment_name,
                "log_group_arn": self.log_group_arn,
            }
        )

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _compute_environment(self) -> aws.batch.ComputeEnvironment:
        settings, network = self._settings, find_network(self._settings, self._context.region, self)
        resources: dict[str, Any] = {
            "type": settings.platform,
            "max_vcpus": settings.max_vcpus,
            "subnets": network.subnet_ids,
            "security_group_ids": [self._security_group(network).id],
        }
        needs: list[pulumi.Resource] = []
        if not settings.is_fargate:
            profile, needs = self._instance_profile()
            launch_template = self._launch_template()
            resources |= {
                "min_vcpus": 0,
                # Environments with another strategy cannot be updated in place (AWS Batch API reference,
                # UpdateComputeEnvironment).
                "allocation_strategy": (
                    "SPOT_PRICE_CAPACITY_OPTIMIZED" if settings.platform == "SPOT" else "BEST_FIT_PROGRESSIVE"
                ),
                "instance_types": list(settings.instance_types),
                "instance_role": profile.arn,
                "launch_template": aws.batch.ComputeEnvironmentComputeResourcesLaunchTemplateArgs(
                    launch_template_id=launch_template.id, version=launch_template.latest_version.apply(str)
                ),
                # For instances only: Fargate's tasks get the job definition's.
                "tags": self._context.tags,
            }
        # EC2 and SPOT change into each other in place; a Fargate environment never changes its type (AWS Batch User
        # Guide, "Updating compute environments"): a resource with another logical name replaces it.
        family = settings.platform.lower().replace("_", "-") if settings.is_fargate else "ec2"
        # No service_role: the service-linked role keeps the environment updatable.
        return aws.batch.ComputeEnvironment(
            f"{self._name}-{family}",
            name_prefix=f"{settings.name}-computing-",
            type="MANAGED",
            state="ENABLED",
            compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(**resources),
            tags=self._context.tags,
            opts=self._child(*needs),
        )

    def _security_group(self, network: Network) -> aws.ec2.SecurityGroup:
        """No inbound traffic. Outbound traffic is allowed: jobs at least pull their image."""
        return aws.ec2.SecurityGroup(
            f"{self._name}-jobs",
            # Not the automatic name: it could begin with sg-, which AWS refuses.
            name_prefix=f"batchbell-{pulumi.get_stack()}-{self._name}-",
            description="Batch jobs: no way in",
            vpc_id=network.vpc_id,
            egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
            tags=self._context.tags,
            # A stack that is renamed keeps it: with a new one, the compute environment would be replaced too.
            opts=pulumi.ResourceOptions.merge(self._child(), pulumi.ResourceOptions(ignore_changes=["name_prefix"])),
        )

    def _instance_profile(self) -> tuple[aws.iam.InstanceProfile, list[pulumi.Resource]]:
        role = service_role(
            f"{self._name}-instance", ec2_principal(self._context.partition), self._context, self._child()
        )
        ecs = f"arn:{self._context.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-instance-{_label(policy, number)}",
                role=role.name,
                policy_arn=policy,
                opts=self._child(),
            )
            for number, policy in enumerate([ecs, *self._settings.instance_policy_arns])
        ]
        profile = aws.iam.InstanceProfile(
            f"{self._name}-instance", role=role.name, tags=self._context.tags, opts=self._child()
        )
        return profile, attachments

    def _volumes(self) -> list[aws.ec2.LaunchTemplateBlockDeviceMappingArgs] | None:
        """What is different from the image's own: the encryption, by the account's default key without another."""
        if not self._settings.volume_encryption:
            return None
        ebs = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            encrypted="true", kms_key_id=self._context.kms_key_arn, delete_on_termination="true"
        )
        return [aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=ROOT_DEVICE, ebs=ebs)]

    def _launch_template(self) -> aws.ec2.LaunchTemplate:
        # IMDSv2 only: without a session token no job can read the instance role's credentials (Amazon EC2 User Guide).
        return aws.ec2.LaunchTemplate(
            f"{self._name}-instance",
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required"},
            block_device_mappings=self._volumes(),
            # `tags` are the template's own. AWS Batch merges these with the compute environment's, which reach only
            # instances.
            tag_specifications=[{"resource_type": kind, "tags": self._context.tags} for kind in ("instance", "volume")],
            tags=self._context.tags,
            opts=self._child(),
        )


def _label(policy_arn: pulumi.Input[str], number: int) -> str:
    """Name a policy's attachment after the policy, or by its position if the ARN is an Output (not known yet).

    Named by position, a policy that moves up in the list would be attached at its new position, then detached again
    when the old position is deleted.
    """
    if not isinstance(policy_arn, str):
        return str(number)
    return f"{policy_arn.rpartition('/')[2]}-{hashlib.sha256(policy_arn.encode()).hexdigest()[:6]}"
