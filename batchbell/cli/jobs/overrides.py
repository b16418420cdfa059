"""The overrides of a rerun: what the containers ran with, the wrapped command, and what the operator changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.jobs.wrapped_command import VARIABLES, unwrap, wrap

# What one container of several can be submitted with (AWS Batch API reference: TaskContainerOverrides,
# EksContainerOverride).
ECS_MEMBERS = ("name", "command", "resourceRequirements")
EKS_MEMBERS = ("name", "image", "command", "args", "resources")
RESERVED = "AWS_BATCH"  # no variable of a submission begins with it (AWS Batch API reference, ContainerOverrides)
# The older form of a resource requirement, which DescribeJobs tells of containers defined with it.
DEPRECATED = {"VCPU": "vcpus", "MEMORY": "memory"}


@dataclass(frozen=True)
class Changes:
    """What the operator asks for; empty strings count as not given.

    wrapped: False if the job reads the variables itself.
    """

    name: str = ""
    reason: str = ""
    vcpus: str = ""
    memory: str = ""
    wrapped: bool = True


def container_overrides(detail: Mapping[str, Any], variables: Mapping[str, str], changes: Changes) -> dict[str, Any]:
    """Return SubmitJob's parameter for the containers of a JobDetail.

    variables: are added to the environment of each container.
    """
    if tasks := (detail.get("ecsProperties") or {}).get("taskProperties"):
        made = [
            {"containers": [_of_several(one, ECS_MEMBERS, variables) for one in task["containers"]]} for task in tasks
        ]
        return {"ecsPropertiesOverride": {"taskProperties": made}}
    if pod := (detail.get("eksProperties") or {}).get("podProperties"):
        kinds = ("containers", "initContainers")
        override = {kind: [_of_pod(one, variables) for one in pod[kind]] for kind in kinds if pod.get(kind)}
        metadata = {"metadata": pod["metadata"]} if pod.get("metadata") else {}
        return {"eksPropertiesOverride": {"podProperties": {**override, **metadata}}}
    container = detail["container"]
    overrides: dict[str, Any] = {"environment": _environment(container.get("environment"), variables)}
    words = unwrap(container.get("command") or [])
    if changes.wrapped:
        overrides["command"] = wrap(words)
    elif words and all(words):  # a submission takes no empty word: a command with one is the definition's own
        overrides["command"] = words
    if requirements := _requirements(container, changes):
        overrides["resourceRequirements"] = requirements
    return {"containerOverrides": overrides}


def _of_several(container: Mapping[str, Any], members: Sequence[str], variables: Mapping[str, str]) -> dict[str, Any]:
    kept = {name: container[name] for name in members if container.get(name)}
    return {**kept, "environment": _environment(container.get("environment"), variables)}


def _of_pod(container: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    kept = {name: container[name] for name in EKS_MEMBERS if container.get(name)}
    return {**kept, "env": _environment(container.get("env"), variables)}


def _environment(described: Sequence[Mapping[str, str]] | None, variables: Mapping[str, str]) -> list[dict[str, str]]:
    kept = [
        dict(one) for one in described or () if not one["name"].startswith(RESERVED) and one["name"] not in VARIABLES
    ]
    return kept + [{"name": name, "value": value} for name, value in variables.items()]


def _requirements(container: Mapping[str, Any], changes: Changes) -> list[dict[str, str]]:
    present = {one["type"]: one["value"] for one in container.get("resourceRequirements") or []}
    old = {kind: str(container[name]) for kind, name in DEPRECATED.items() if container.get(name)}
    new = {kind: value for kind, value in (("VCPU", changes.vcpus), ("MEMORY", changes.memory)) if value}
    return [{"type": kind, "value": value} for kind, value in {**old, **present, **new}.items()]
