"""The settings of a Batch environment to create. `environment_checks` says what they take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from .environment_checks import (
    check_encryption,
    check_memory,
    check_public_ip,
    check_subnets,
    check_timeout,
    check_vcpus,
    instances_only,
    policy_problem,
    role_problem,
    starts_with_a_program,
    subnet_problem,
    types_or_default,
)
from .validation import RetentionDays, SettingsModel, not_empty, plain_or_output

Platform = Literal["EC2", "SPOT", "FARGATE", "FARGATE_SPOT"]

POLICY_EXAMPLE = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ROLE_EXAMPLE = "arn:aws:iam::123456789012:role/render"
SUBNET_EXAMPLE = "subnet-0123456789abcdef0"


class EnvironmentSettings(SettingsModel):
    """A Batch environment to create. The order matters: sizes and instances depend on the platform."""

    # The compute environment's name prefix is NAME-computing-, at most 102 characters (Pulumi AWS provider).
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,90}$",
            title="Batch environment to create: NAME-queue, job definition NAME, NAME-computing-…; '': none",
            description="1 to 91 letters, digits, - and _",
            examples=["print-color"],
        ),
    ]
    platform: Annotated[Platform, Field(title="what its jobs run on", examples=["SPOT"])] = "EC2"
    max_vcpus: Annotated[int, Field(ge=1, le=100_000, title="most vCPUs at the same time", examples=[64])] = 16
    instance_types: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", description="an instance type or family")], ...],
        AfterValidator(not_empty),
        AfterValidator(types_or_default),
        Field(
            title="types of its instances; EC2 and SPOT only",
            description="a list of instance types or families",
            examples=[["c7i", "m7i.large"]],
        ),
    ] = ("optimal",)
    subnet_ids: Annotated[
        tuple[Annotated[Any, plain_or_output(subnet_problem)], ...],
        AfterValidator(check_subnets),
        Field(
            title="subnets that jobs run in; none: the default VPC's own public ones, without Local Zones",
            description="a list of subnet IDs (at most 16 on Fargate)",
            examples=[[SUBNET_EXAMPLE]],
        ),
    ] = ()
    instance_policy_arns: Annotated[
        tuple[Annotated[Any, plain_or_output(policy_problem)], ...],
        AfterValidator(instances_only),
        Field(
            title="additional policies for the instances' role; EC2 and SPOT only",
            description="a list of ARNs of IAM policies",
            examples=[[POLICY_EXAMPLE]],
        ),
    ] = ()
    assign_public_ip: Annotated[
        bool,
        AfterValidator(check_public_ip),
        Field(
            title="whether a job on Fargate gets a public address (an instance: if its subnet says so); false needs "
            "environment_subnet_ids",
            examples=[False],
        ),
    ] = True
    volume_encryption: Annotated[
        bool,
        AfterValidator(check_encryption),
        Field(title="whether the volumes of instances are encrypted; EC2 and SPOT only", examples=[True]),
    ] = False
    image: Annotated[
        str,
        Field(
            pattern=r"^\S+$",
            title="container image of the job definition",
            description="a container image",
            examples=["python:3.13-slim"],
        ),
    ] = "public.ecr.aws/docker/library/busybox"
    command: Annotated[
        tuple[Annotated[str, Field(description="a word of the command")], ...],
        AfterValidator(starts_with_a_program),
        Field(
            title="command that the container runs; none: the image's own",
            description="a list of the command's words",
            examples=[["sleep", "60"]],
        ),
    ] = ()
    vcpus: Annotated[
        str,
        AfterValidator(check_vcpus),
        Field(
            title="vCPUs per job; '': 1 on EC2, 0.25 on Fargate",
            description="a number of vCPUs, as a string",
            examples=["2"],
        ),
    ] = ""
    memory: Annotated[
        int,
        AfterValidator(check_memory),
        Field(ge=4, validate_default=True, title="memory per job, in MiB", examples=[2048]),
    ] = 512

    attempts: Annotated[
        int, Field(ge=1, le=10, title="how often a job is tried, the first time included", examples=[3])
    ] = 1
    job_timeout: Annotated[
        int,
        AfterValidator(check_timeout),
        Field(
            ge=0,
            title="how long one attempt of a job may take; then it is ended and not tried again",
            description="0 for no limit, or at least 60 whole seconds",
            examples=[3600],
        ),
    ] = 0
    job_role_arn: Annotated[
        Any,
        plain_or_output(role_problem),
        Field(
            title="role that the job's own code has; '': none, and on EC2 and SPOT its instance's",
            description="the ARN of an IAM role",
            examples=[f"{ROLE_EXAMPLE}-job"],
        ),
    ] = ""
    execution_role_arn: Annotated[
        Any,
        plain_or_output(role_problem),
        Field(
            title="role that pulls the image and writes the log; '': one is created on Fargate, and the instance's is "
            "used on EC2 and SPOT",
            description="the ARN of an IAM role",
            examples=[f"{ROLE_EXAMPLE}-execution"],
        ),
    ] = ""
    log_retention_days: Annotated[
        RetentionDays, Field(title="days that the log of its jobs is kept", examples=[90])
    ] = 30

    @property
    def is_fargate(self) -> bool:
        return self.platform.startswith("FARGATE")
