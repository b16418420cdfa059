"""The settings of a Batch environment to create, and which of them fit together."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from .mistakes import got
from .resource_requirements import memory_problem, vcpus_problem
from .validation import SettingsModel, not_empty, plain_or_output

Platform = Literal["EC2", "SPOT", "FARGATE", "FARGATE_SPOT"]

POLICY_EXAMPLE = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
SUBNET_EXAMPLE = "subnet-0123456789abcdef0"


def _policy_problem(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(
        r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+", value
    ):
        return None
    return "takes the ARN of an IAM policy"


def subnet_problem(value: Any) -> str | None:
    fits = isinstance(value, str) and re.fullmatch(r"subnet-[0-9a-f]+", value)
    return None if fits else "takes a subnet ID"


def _instances_only(value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    if value and _on_fargate(info):
        raise ValueError(f"{got(value)}; takes nothing on Fargate: only EC2 and SPOT have instances")
    return value


def _starts_with_a_program(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and not command[0].strip():
        raise ValueError("takes a list that begins with the program to run")
    return command


def _types_or_default(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return value if value == ("optimal",) else _instances_only(value, info)


def _on_fargate(info: ValidationInfo) -> bool:
    return str(info.data.get("platform")).startswith("FARGATE")


def _check_vcpus(vcpus: str, info: ValidationInfo) -> str:
    if "platform" in info.data and (problem := vcpus_problem(vcpus, fargate=_on_fargate(info))):
        raise ValueError(problem)
    return vcpus


def _check_memory(memory: int, info: ValidationInfo) -> int:
    vcpus = info.data.get("vcpus")
    if vcpus is not None and (problem := memory_problem(memory, vcpus, fargate=_on_fargate(info))):
        raise ValueError(problem)
    return memory


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
        AfterValidator(_types_or_default),
        Field(
            title="types of its instances; EC2 and SPOT only",
            description="a list of instance types or families",
            examples=[["c7i", "m7i.large"]],
        ),
    ] = ("optimal",)
    subnet_ids: Annotated[
        tuple[Annotated[Any, plain_or_output(subnet_problem)], ...],
        Field(
            title="subnets that jobs run in; none: the default VPC's",
            description="a list of subnet IDs",
            examples=[[SUBNET_EXAMPLE]],
        ),
    ] = ()
    instance_policy_arns: Annotated[
        tuple[Annotated[Any, plain_or_output(_policy_problem)], ...],
        AfterValidator(_instances_only),
        Field(
            title="additional policies for the instances' role; EC2 and SPOT only",
            description="a list of ARNs of IAM policies",
            examples=[[POLICY_EXAMPLE]],
        ),
    ] = ()
    image: Annotated[
        str,
        Field(
            pattern=r"^\S+$",
            title="container image of the job definition",
            description="a container image",
            examples=["python:3.13-slim"],
        ),
    ] = "busybox"
    command: Annotated[
        tuple[Annotated[str, Field(description="a word of the command")], ...],
        AfterValidator(_starts_with_a_program),
        Field(
            title="command that the container runs; none: the image's own",
            description="a list of the command's words",
            examples=[["sleep", "60"]],
        ),
    ] = ()
    vcpus: Annotated[
        str,
        AfterValidator(_check_vcpus),
        Field(
            title="vCPUs per job; '': 1 on EC2, 0.25 on Fargate",
            description="a number of vCPUs, as a string",
            examples=["2"],
        ),
    ] = ""
    memory: Annotated[
        int,
        AfterValidator(_check_memory),
        Field(ge=4, validate_default=True, title="memory per job, in MiB", examples=[2048]),
    ] = 512

    @property
    def is_fargate(self) -> bool:
        return self.platform.startswith("FARGATE")
