"""What the settings of a Batch environment take: values that AWS accepts, and which of them fit together.

A validator of a field sees the fields before it in pydantic's `ValidationInfo.data`, except wrong ones.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationInfo

from .mistakes import got
from .resource_requirements import memory_problem, vcpus_problem

FARGATE_SUBNETS = 16  # at most (AWS Batch API reference, ComputeResource)
SHORTEST_TIMEOUT = 60  # seconds (AWS Batch API reference, JobTimeout)

_POLICY = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):role/[A-Za-z0-9+=,.@_/-]+")


def policy_problem(value: Any) -> str | None:
    """Why `value` is not the ARN of an IAM policy, or None."""
    return None if isinstance(value, str) and _POLICY.fullmatch(value) else "takes the ARN of an IAM policy"


def role_problem(value: Any, account_id: str | None = None) -> str | None:
    """Why `value` is not the ARN of an IAM role, or None; "" is no role.

    account_id: the account that the role must belong to, since nobody can pass a role of another one to a service
        (IAM User Guide, "Grant a user permissions to pass a role"); None for any
    """
    match = _ROLE.fullmatch(value) if isinstance(value, str) else None
    if value == "" or (match and account_id in (None, match["account"])):
        return None
    place = f" in the stack's account {account_id}" if account_id else ""
    return f"takes the ARN of an IAM role{place}"


def subnet_problem(value: Any) -> str | None:
    """Why `value` is not the ID of a subnet, or None."""
    fits = isinstance(value, str) and re.fullmatch(r"subnet-[0-9a-f]+", value)
    return None if fits else "takes a subnet ID"


def on_fargate(info: ValidationInfo) -> bool:
    return str(info.data.get("platform")).startswith("FARGATE")


def instances_only(value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    if value and on_fargate(info):
        raise ValueError(f"{got(value)}; takes nothing on Fargate: only EC2 and SPOT have instances")
    return value


def types_or_default(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return value if value == ("optimal",) else instances_only(value, info)


def check_subnets(subnet_ids: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    if on_fargate(info) and len(subnet_ids) > FARGATE_SUBNETS:
        raise ValueError(f"{got(subnet_ids)}; takes at most {FARGATE_SUBNETS} subnets on Fargate")
    return subnet_ids


def check_public_ip(assign: bool, info: ValidationInfo) -> bool:
    """Without a public address a job's image comes through a NAT gateway or an endpoint, so only to subnets of its own.

    The default VPC's public subnets, which are taken without `subnet_ids`, have neither.
    """
    if not assign and info.data.get("subnet_ids") == ():
        raise ValueError(
            f"{got(assign)}; takes true without subnet_ids: in the default VPC's public subnets a job without a public "
            "address cannot pull its image; also set subnet_ids to private subnets with a NAT gateway or endpoints"
        )
    return assign


def check_encryption(encrypted: bool, info: ValidationInfo) -> bool:
    if encrypted and on_fargate(info):
        raise ValueError(f"{got(encrypted)}; takes false on Fargate, which always encrypts its storage")
    return encrypted


def check_timeout(seconds: int) -> int:
    if seconds and seconds < SHORTEST_TIMEOUT:
        raise ValueError(f"takes 0 for no limit, or at least {SHORTEST_TIMEOUT} whole seconds")
    return seconds


def starts_with_a_program(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and not command[0].strip():
        raise ValueError("takes a list that begins with the program to run")
    return command


def check_vcpus(vcpus: str, info: ValidationInfo) -> str:
    if "platform" in info.data and (problem := vcpus_problem(vcpus, fargate=on_fargate(info))):
        raise ValueError(problem)
    return vcpus


def check_memory(memory: int, info: ValidationInfo) -> int:
    vcpus = info.data.get("vcpus")
    if vcpus is not None and (problem := memory_problem(memory, vcpus, fargate=on_fargate(info))):
        raise ValueError(problem)
    return memory
