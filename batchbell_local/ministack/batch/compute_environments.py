"""Compute environments. MiniStack stores them; this adds AWS's checks, look-up by ARN, and deletion."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from ministack.services import batch as stub

from .operation import ClientException, Json, Operation, call_stub, find_record, parse_state, required_name
from .queue_relations import queue_relations

create_stub = stub._create_compute_environment
update_stub = stub._update_compute_environment

PLATFORMS = {"EC2": "EC2", "SPOT": "EC2", "FARGATE": "FARGATE", "FARGATE_SPOT": "FARGATE"}
"""The platform capability of job definitions that each type of compute environment runs."""

EC2_ONLY = (
    "allocationStrategy", "bidPercentage", "desiredvCpus", "ec2Configuration", "ec2KeyPair", "imageId", "instanceRole",
    "instanceTypes", "launchTemplate", "minvCpus", "placementGroup", "spotIamFleetRole", "tags",
)  # fmt: skip
"""The fields that must not be specified for Fargate (API reference, ComputeResource)."""

HEALTHY = "ComputeEnvironment Healthy"  # AWS CLI reference, describe-compute-environments, the example's statusReason
FARGATE_SUBNETS = 16  # at most (API reference, ComputeResource)


def operations(changed: Callable[[], None]) -> dict[str, Operation]:
    """The operations by path; `changed` is called when jobs without a place may find one now."""

    def update(payload: Json) -> Json:
        answer = _update(payload)
        changed()
        return answer

    return {
        "/v1/createcomputeenvironment": _create,
        "/v1/updatecomputeenvironment": update,
        "/v1/describecomputeenvironments": _describe,
        "/v1/deletecomputeenvironment": _delete,
    }


def find_environment(reference: object) -> Json | None:
    """The compute environment of this name or ARN in the caller's account and region."""
    return find_record(stub._compute_envs, reference, "computeEnvironmentArn")


def platform_of(environment: Json) -> str:
    """EC2 or FARGATE. An unmanaged environment has the user's own EC2 instances."""
    return PLATFORMS[str(environment["computeResources"].get("type", "EC2"))]


def _existing(payload: Json) -> Json:
    reference = payload.get("computeEnvironment")
    environment = find_environment(reference)
    if environment is None:
        raise ClientException(f"Compute environment {reference} does not exist")
    return environment


def _create(payload: Json) -> Json:
    name = required_name(payload, "computeEnvironmentName")
    kind = str(payload.get("type", "")).upper()
    resources = dict(payload.get("computeResources") or {})
    if kind not in ("MANAGED", "UNMANAGED"):
        raise ClientException(f"type must be MANAGED or UNMANAGED, got {payload.get('type')!r}")
    if kind == "UNMANAGED" and resources:
        raise ClientException("computeResources must not be specified for an UNMANAGED compute environment")
    if kind == "MANAGED":
        resources["type"] = str(resources.get("type", "")).upper()
        _check_resources(resources)
    call_stub(
        create_stub, {**payload, "type": kind, "state": parse_state(payload, "ENABLED"), "computeResources": resources}
    )
    environment: Json = stub._compute_envs[name]
    environment["statusReason"] = HEALTHY
    environment["uuid"] = str(uuid.uuid4())
    environment["containerOrchestrationType"] = "ECS"
    # Batch's name for the cluster, seen in the ARNs of real tasks: "…:task/AWSBatch-<environment>-<uuid>/<task id>".
    cluster = f"AWSBatch-{name}-{environment['uuid']}"
    environment["ecsClusterArn"] = environment["ecsClusterArn"].rsplit("/", 1)[0] + f"/{cluster}"
    return {"computeEnvironmentName": name, "computeEnvironmentArn": environment["computeEnvironmentArn"]}


def _check_resources(resources: Json) -> None:
    kind = resources["type"]
    if kind not in PLATFORMS:
        raise ClientException(f"computeResources.type must be one of {', '.join(PLATFORMS)}, got {kind!r}")
    if not isinstance(resources.get("maxvCpus"), int):
        raise ClientException("computeResources.maxvCpus is required")
    if not resources.get("subnets"):
        raise ClientException("computeResources.subnets is required")
    if PLATFORMS[kind] == "FARGATE":
        extra = [key for key in EC2_ONLY if resources.get(key)]
        if extra:
            raise ClientException(f"{', '.join(extra)} not applicable to {kind} compute resources")
        if len(resources["subnets"]) > FARGATE_SUBNETS:
            raise ClientException(f"computeResources.subnets takes at most {FARGATE_SUBNETS} for {kind}")
        if not resources.get("securityGroupIds"):
            raise ClientException(f"computeResources.securityGroupIds is required for {kind}")
    elif not resources.get("instanceRole"):
        raise ClientException(f"computeResources.instanceRole is required for {kind}")


def _update(payload: Json) -> Json:
    environment = _existing(payload)
    resources = dict(payload.get("computeResources") or {})
    if "type" in resources:
        resources["type"] = str(resources["type"]).upper()
        new, old = resources["type"], environment["computeResources"].get("type")
        if PLATFORMS.get(new) != PLATFORMS.get(str(old)):
            raise ClientException(f"The type of compute environment cannot be changed from {old} to {new}")
    request: Json = {**payload, "computeEnvironment": environment["computeEnvironmentName"]}
    state = parse_state(payload)
    if state is not None:
        request["state"] = state
    if resources:
        request["computeResources"] = resources
    return call_stub(update_stub, request)


def _describe(payload: Json) -> Json:
    wanted = payload.get("computeEnvironments") or []
    if not wanted:
        return {"computeEnvironments": list(stub._compute_envs.values())}
    return {"computeEnvironments": [found for name in wanted if (found := find_environment(name)) is not None]}


def _delete(payload: Json) -> Json:
    environment = _existing(payload)
    if environment["state"] != "DISABLED":
        raise ClientException("Cannot delete, compute environment must be disabled first")
    arn = environment["computeEnvironmentArn"]
    orders = [queue["computeEnvironmentOrder"] for queue in stub._job_queues.values()]
    used = any(entry["computeEnvironment"] == arn for order in orders for entry in order)
    if used or queue_relations.holds(arn):
        raise ClientException("Cannot delete, found existing JobQueue relationship")
    del stub._compute_envs[environment["computeEnvironmentName"]]
    return {}
