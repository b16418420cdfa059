"""The vCPUs and memory that AWS Batch accepts for a job (AWS Batch API reference, ResourceRequirement)."""

from __future__ import annotations

import re
from collections.abc import Mapping

FARGATE_DEFAULT = "0.25"  # vCPUs

# vCPUs → the MiB of memory that go with them.
FARGATE_SIZES: Mapping[str, range | tuple[int, ...]] = {
    "0.25": (512, 1024, 2048),
    "0.5": range(1024, 4096 + 1, 1024),
    "1": range(2048, 8192 + 1, 1024),
    "2": range(4096, 16384 + 1, 1024),
    "4": range(8192, 30720 + 1, 1024),
    "8": range(16384, 61440 + 1, 4096),
    "16": range(32768, 122880 + 1, 8192),
}


def vcpus_problem(vcpus: str, *, fargate: bool) -> str | None:
    """What AWS accepts instead of `vcpus`, or None if it is valid. '' is the platform's default."""
    if not vcpus:
        return None
    if fargate:
        return None if vcpus in FARGATE_SIZES else f"takes one of {', '.join(FARGATE_SIZES)} on Fargate"
    return None if re.fullmatch(r"[1-9][0-9]*", vcpus) else "takes a whole number of at least 1 on EC2"


def memory_problem(memory: int, vcpus: str, *, fargate: bool) -> str | None:
    """What AWS accepts instead of `memory` (MiB) with these vCPUs, or None if it is valid."""
    vcpus = vcpus or FARGATE_DEFAULT
    if not fargate or vcpus not in FARGATE_SIZES or memory in FARGATE_SIZES[vcpus]:
        return None
    sizes = FARGATE_SIZES[vcpus]
    if isinstance(sizes, range):
        words = f"{sizes[0]} to {sizes[-1]} in steps of {sizes.step}"
    else:
        words = f"one of {', '.join(map(str, sizes))}"
    return f"takes {words} (MiB) with {vcpus} vCPUs on Fargate, for example {sizes[0]}"
