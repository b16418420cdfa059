"""The settings of the Lambda function."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from .environment import SUBNET_EXAMPLE
from .environment_checks import subnet_problem
from .mistakes import got
from .validation import RetentionDays, SettingsModel, at_most, plain_or_output

SUBNETS_LIMIT, GROUPS_LIMIT = 16, 5  # Lambda API reference, "VpcConfig"
GROUP_EXAMPLE = "sg-0123456789abcdef0"


def _group_problem(value: Any) -> str | None:
    fits = isinstance(value, str) and re.fullmatch(r"sg-[0-9a-f]+", value)
    return None if fits else "takes the ID of a security group"


def _with_subnets(groups: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    subnets = info.data.get("subnet_ids")
    if subnets is not None and bool(subnets) != bool(groups):
        raise ValueError(f"{got(groups)}; takes security groups if subnets are given, and none without them")
    return groups


class FunctionSettings(SettingsModel):
    """The Lambda function, and the times that scale with its timeout."""

    python_version: Annotated[
        Literal["3.11", "3.12", "3.13", "3.14"],
        Field(title="Python version of the Lambda runtime, not of this machine", examples=["3.12"]),
    ] = "3.13"
    architecture: Annotated[
        Literal["arm64", "x86_64"], Field(title="processor architecture of the function", examples=["x86_64"])
    ] = "arm64"
    timeout: Annotated[
        int,
        Field(
            ge=3,
            le=120,
            title="how long one invocation may take; visibility timeouts and retry delays scale with it",
            description="whole seconds from 3 to 120",
            examples=[60],
        ),
    ] = 30
    log_retention_days: Annotated[
        RetentionDays,
        Field(title="days that the function's log is kept", examples=[90]),
    ] = 30
    subnet_ids: Annotated[
        tuple[Annotated[Any, plain_or_output(subnet_problem)], ...],
        AfterValidator(at_most(SUBNETS_LIMIT)),
        Field(
            title="subnets that the function runs in; it needs a way from there to SQS, DynamoDB, SSM, Batch and its "
            "channels; none: outside of any VPC",
            description="a list of subnet IDs",
            examples=[[SUBNET_EXAMPLE]],
        ),
    ] = ()
    security_group_ids: Annotated[
        tuple[Annotated[Any, plain_or_output(_group_problem)], ...],
        AfterValidator(at_most(GROUPS_LIMIT)),
        AfterValidator(_with_subnets),
        Field(
            title="security groups of the function; with its subnets only",
            description="a list of IDs of security groups",
            examples=[[GROUP_EXAMPLE]],
            validate_default=True,
        ),
    ] = ()
