"""The job definition of a Batch environment, with its execution role on Fargate and the log group of its jobs."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context

from .service_role import service_role
from .settings.environment import EnvironmentSettings


def make_job_definition(
    name: str,
    settings: EnvironmentSettings,
    context: Context,
    *,
    parent: pulumi.Resource,
) -> aws.batch.JobDefinition:
    """Create it as a child of `parent`. Its jobs log to a group of their own, which has a retention.

    name: begins the logical names
    """
    child = pulumi.ResourceOptions(parent=parent)
    log_group = aws.cloudwatch.LogGroup(
        f"{name}-jobs",
        retention_in_days=settings.log_retention_days,
        kms_key_id=context.kms_key_arn,
        tags=context.tags,
        opts=child,
    )
    execution_role, needs = _execution_role(name, settings, context, parent)
    vcpus = settings.vcpus or ("0.25" if settings.is_fargate else "1")
    container: dict[str, Any] = {
        "image": settings.image,
        "command": list(settings.command),
        "resourceRequirements": [
            {"type": "VCPU", "value": vcpus},
            {"type": "MEMORY", "value": str(settings.memory)},
        ],
        # Batch's own default is /aws/batch/job, which all of an account's jobs share, and which keeps logs for ever.
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": log_group.name}},
    }
    if execution_role is not None:
        container["executionRoleArn"] = execution_role
    if settings.job_role_arn != "":
        container["jobRoleArn"] = settings.job_role_arn
    if settings.is_fargate:
        # In a public subnet, such as the default VPC's, a task needs a public address to pull its image.
        assigned = "ENABLED" if settings.assign_public_ip else "DISABLED"
        container["networkConfiguration"] = {"assignPublicIp": assigned}
    return aws.batch.JobDefinition(
        f"{name}-job",
        name=settings.name,
        type="container",
        platform_capabilities=["FARGATE" if settings.is_fargate else "EC2"],
        container_properties=pulumi.Output.json_dumps(container),
        retry_strategy={"attempts": settings.attempts},
        timeout={"attempt_duration_seconds": settings.job_timeout} if settings.job_timeout else None,
        # To the ECS tasks of its jobs, where the costs are.
        propagate_tags=True,
        # Who submits with a revision keeps it. They cost nothing, and `pulumi destroy` deregisters all of them.
        deregister_on_new_revision=False,
        tags=context.tags,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=needs),
    )


def _execution_role(
    name: str, settings: EnvironmentSettings, context: Context, parent: pulumi.Resource
) -> tuple[pulumi.Input[str] | None, list[pulumi.Resource]]:
    """The ARN of the role that starts the containers (None: the instance's does), and what must exist before it."""
    if settings.execution_role_arn != "":
        return settings.execution_role_arn, []
    if not settings.is_fargate:
        return None, []
    child = pulumi.ResourceOptions(parent=parent)
    role = service_role(f"{name}-execution", "ecs-tasks.amazonaws.com", context, child)
    policy = f"arn:{context.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    attachment = aws.iam.RolePolicyAttachment(f"{name}-execution", role=role.name, policy_arn=policy, opts=child)
    return role.arn, [attachment]
