"""BatchEnvironment: a compute environment, a job queue and a job definition, with the permissions they need."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.partitions import ec2_principal
from batchbell.provisioning import Context

from .service_role import service_role
from .settings.environment import EnvironmentSettings


@dataclass(frozen=True)
class _Network:
    subnet_ids: pulumi.Input[Any]
    vpc_id: pulumi.Input[str]


class BatchEnvironment(pulumi.ComponentResource):
    """Creates the job queue NAME-queue, the job definition NAME, and a compute environment NAME-computing-….

    The compute environment has a name prefix, and a resource of its own for instances and for each kind of Fargate.
    If a change cannot be made in place, Pulumi creates the new environment, moves the queue to it, then deletes the old
    one. With an exact name Pulumi would delete first, which AWS refuses while a queue refers to the environment.
    """

    queue_arn: pulumi.Output[str]
    queue_name: pulumi.Output[str]
    definition_name: pulumi.Output[str]
    compute_environment_name: pulumi.Output[str]

    def __init__(
        self, name: str, settings: EnvironmentSettings, context: Context, opts: pulumi.ResourceOptions | None = None
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
        definition = self._job_definition()
        self.queue_arn = queue.arn
        self.queue_name = queue.name
        self.definition_name = definition.name
        self.compute_environment_name = compute_environment.name
        self.register_outputs(
            {
                "queue_arn": self.queue_arn,
                "queue_name": self.queue_name,
                "definition_name": self.definition_name,
                "compute_environment_name": self.compute_environment_name,
            }
        )

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _compute_environment(self) -> aws.batch.ComputeEnvironment:
        settings, network = self._settings, self._network()
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

    def _network(self) -> _Network:
        options = pulumi.InvokeOptions(parent=self)
        if self._settings.subnet_ids:
            first = aws.ec2.get_subnet_output(id=self._settings.subnet_ids[0], opts=options)
            return _Network(list(self._settings.subnet_ids), first.vpc_id)
        instead = f"in {self._context.region}: set environment_subnet_ids to subnets of the VPC that jobs run in"
        try:
            vpc = aws.ec2.get_vpc(default=True, opts=options)
        except Exception as error:  # what the SDK raises for a failed invoke
            raise pulumi.RunError(f"found no default VPC {instead} ({error})") from None
        of_vpc = aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc.id])
        subnets = aws.ec2.get_subnets(filters=[of_vpc], opts=options)
        if not subnets.ids:
            raise pulumi.RunError(f"the default VPC {vpc.id} has no subnets {instead}")
        return _Network(subnets.ids, vpc.id)

    def _security_group(self, network: _Network) -> aws.ec2.SecurityGroup:
        """No inbound traffic. Outbound traffic is allowed: jobs at least pull their image."""
        return aws.ec2.SecurityGroup(
            f"{self._name}-jobs",
            # Not the automatic name: it could begin with sg-, which AWS refuses.
            name_prefix=f"batchbell-{self._name}-",
            description="Batch jobs: no way in",
            vpc_id=network.vpc_id,
            egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
            tags=self._context.tags,
            opts=self._child(),
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

    def _launch_template(self) -> aws.ec2.LaunchTemplate:
        # IMDSv2 only: without a session token no job can read the instance role's credentials (Amazon EC2 User Guide).
        return aws.ec2.LaunchTemplate(
            f"{self._name}-instance",
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required"},
            tags=self._context.tags,
            opts=self._child(),
        )

    def _job_definition(self) -> aws.batch.JobDefinition:
        settings, needs = self._settings, list[pulumi.Resource]()
        vcpus = settings.vcpus or ("0.25" if settings.is_fargate else "1")
        container: dict[str, Any] = {
            "image": settings.image,
            "command": list(settings.command),
            "resourceRequirements": [
                {"type": "VCPU", "value": vcpus},
                {"type": "MEMORY", "value": str(settings.memory)},
            ],
        }
        if settings.is_fargate:
            role = service_role(f"{self._name}-execution", "ecs-tasks.amazonaws.com", self._context, self._child())
            policy = f"arn:{self._context.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
            needs.append(
                aws.iam.RolePolicyAttachment(
                    f"{self._name}-execution", role=role.name, policy_arn=policy, opts=self._child()
                )
            )
            container |= {
                "executionRoleArn": role.arn,
                # In a public subnet, such as the default VPC's, a task needs a public address to pull its image.
                "networkConfiguration": {"assignPublicIp": "ENABLED"},
            }
        return aws.batch.JobDefinition(
            f"{self._name}-job",
            name=settings.name,
            type="container",
            platform_capabilities=["FARGATE" if settings.is_fargate else "EC2"],
            container_properties=pulumi.Output.json_dumps(container),
            tags=self._context.tags,
            opts=self._child(*needs),
        )


def _label(policy_arn: pulumi.Input[str], number: int) -> str:
    """Name a policy's attachment after the policy, or by its position if the ARN is an Output (not known yet).

    Named by position, a policy that moves up in the list would be attached at its new position, then detached again
    when the old position is deleted.
    """
    if not isinstance(policy_arn, str):
        return str(number)
    return f"{policy_arn.rpartition('/')[2]}-{hashlib.sha256(policy_arn.encode()).hexdigest()[:6]}"
