"""RenderQueue: a job queue on Fargate, and a job definition that renders one frame."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws


class RenderQueue(pulumi.ComponentResource):
    """A job queue and a job definition in the default VPC."""

    queue: aws.batch.JobQueue
    definition: aws.batch.JobDefinition

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("render-farm:index:RenderQueue", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.get_vpc(default=True)
        own, public = (
            {"name": "default-for-az", "values": ["true"]},
            {"name": "map-public-ip-on-launch", "values": ["true"]},
        )
        subnets = aws.ec2.get_subnets(filters=[{"name": "vpc-id", "values": [vpc.id]}, own, public])
        group = aws.ec2.SecurityGroup(
            f"{name}-jobs",
            vpc_id=vpc.id,
            egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
            opts=child,
        )
        environment = aws.batch.ComputeEnvironment(
            name,
            type="MANAGED",
            compute_resources={
                "type": "FARGATE",
                "max_vcpus": 4,
                "subnets": subnets.ids,
                "security_group_ids": [group.id],
            },
            opts=child,
        )
        self.queue = aws.batch.JobQueue(
            name,
            state="ENABLED",
            priority=1,
            compute_environment_orders=[{"order": 1, "compute_environment": environment.arn}],
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-execution",
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "sts:AssumeRole",
                            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                        }
                    ],
                }
            ),
            opts=child,
        )
        rights = aws.iam.RolePolicyAttachment(
            f"{name}-execution",
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
            opts=child,
        )
        self.definition = aws.batch.JobDefinition(
            name,
            type="container",
            platform_capabilities=["FARGATE"],
            container_properties=pulumi.Output.json_dumps(
                {
                    "image": "public.ecr.aws/docker/library/busybox",
                    "command": ["sh", "-c", "echo frame $AWS_BATCH_JOB_ARRAY_INDEX"],
                    "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
                    "executionRoleArn": role.arn,
                    "networkConfiguration": {"assignPublicIp": "ENABLED"},
                }
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        self.register_outputs({"queue": self.queue.name, "definition": self.definition.name})
