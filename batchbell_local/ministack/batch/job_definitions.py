"""Job definitions. MiniStack counts their revisions; this adds AWS's other fields and the INACTIVE state."""

from __future__ import annotations

from ministack.services import batch as stub

from .operation import ClientException, Json, Operation, call_stub, required_name
from .paging import take_page
from .retries import RetryStrategy

register_stub = stub._register_job_definition

PAGE = 100  # most entries in a page of DescribeJobDefinitions (API reference)
STORED_KEYS = (
    "parameters", "schedulingPriority", "containerProperties", "nodeProperties", "retryStrategy", "propagateTags",
    "timeout", "tags", "platformCapabilities", "eksProperties", "ecsProperties", "consumableResourceProperties",
)  # fmt: skip
# Lists that AWS adds, empty, to containerProperties without them: the example of DescribeJobDefinitions in botocore's
# model, and what the provider ignores in a difference (batch/container_properties.go).
ADDED_LISTS = ("environment", "mountPoints", "secrets", "ulimits", "volumes")
DEFAULT_PLATFORM = {"platformVersion": "LATEST"}  # on Fargate (AWS Batch API reference, FargatePlatformConfiguration)


def operations() -> dict[str, Operation]:
    """The operations by their path."""
    return {
        "/v1/registerjobdefinition": _register,
        "/v1/describejobdefinitions": _describe,
        "/v1/deregisterjobdefinition": _deregister,
    }


def active_definition(reference: object) -> Json:
    """The definition that a SubmitJob request names: NAME (its latest ACTIVE revision), NAME:REVISION or an ARN.

    Raises ClientException if it does not exist or is INACTIVE.
    """
    if isinstance(reference, str) and ":" not in reference:
        active = [revision for revision in stub._job_definitions.get(reference, []) if revision["status"] == "ACTIVE"]
        if active:
            latest: Json = active[-1]
            return latest
        raise ClientException(f"JobDefinition {reference} does not exist or has no ACTIVE revision")
    definition = find_definition(reference)
    if definition is None:
        raise ClientException(f"JobDefinition {reference} does not exist")
    if definition["status"] != "ACTIVE":
        raise ClientException(f"JobDefinition {reference} is not ACTIVE")
    return definition


def find_definition(reference: object) -> Json | None:
    """The revision that NAME:REVISION or an ARN names; None if it does not exist."""
    if not isinstance(reference, str):
        return None
    name, _, revision = reference.rsplit("/", 1)[-1].partition(":")
    for definition in stub._job_definitions.get(name, []):
        if str(definition["revision"]) == revision:
            same = not reference.startswith("arn:") or definition["jobDefinitionArn"] == reference
            return definition if same else None
    return None


def check_timeout(timeout: object) -> None:
    """Refuse a timeout that is not a positive whole number of seconds. AWS requires at least 60; tests wait less."""
    if timeout is None:
        return
    seconds = timeout.get("attemptDurationSeconds") if isinstance(timeout, dict) else None
    if not isinstance(seconds, int) or seconds < 1:
        raise ClientException(f"timeout.attemptDurationSeconds must be a whole number of seconds, got {seconds!r}")


def _register(payload: Json) -> Json:
    name = required_name(payload, "jobDefinitionName")
    kind = str(payload.get("type", "")).lower()
    if kind not in ("container", "multinode"):
        raise ClientException(f"type must be container or multinode, got {payload.get('type')!r}")
    capabilities = payload.get("platformCapabilities") or []
    if not set(capabilities) <= {"EC2", "FARGATE"}:
        raise ClientException(f"platformCapabilities must be EC2 or FARGATE, got {capabilities}")
    container = payload.get("containerProperties")
    if container is not None and not container.get("image"):
        raise ClientException("containerProperties.image is required")
    if container is not None and (missing := _missing_resources(container)):
        raise ClientException(f"containerProperties.resourceRequirements must have {' and '.join(missing)}")
    if container is not None and "FARGATE" in capabilities and not container.get("executionRoleArn"):
        raise ClientException("containerProperties.executionRoleArn is required for FARGATE")
    if kind == "container" and not any(payload.get(f"{sort}Properties") for sort in ("container", "ecs", "eks")):
        raise ClientException("containerProperties is required")
    RetryStrategy.parse(payload.get("retryStrategy"))
    check_timeout(payload.get("timeout"))
    answer = call_stub(register_stub, {**payload, "type": kind})
    definition = stub._job_definitions[name][-1]
    for key in STORED_KEYS:
        definition.pop(key, None)
        if payload.get(key) is not None:
            definition[key] = payload[key]
    if container is not None:
        fargate = {"fargatePlatformConfiguration": DEFAULT_PLATFORM} if "FARGATE" in capabilities else {}
        definition["containerProperties"] = {**{name: [] for name in ADDED_LISTS}, **fargate, **container}
    definition.setdefault("tags", {})
    return answer


def _missing_resources(container: Json) -> list[str]:
    """What a container must ask for, and does not, in either form (AWS Batch API reference, "ResourceRequirement")."""
    asked = {one.get("type") for one in container.get("resourceRequirements") or ()}
    deprecated = {"VCPU": "vcpus", "MEMORY": "memory"}
    return [kind for kind, name in deprecated.items() if kind not in asked and not container.get(name)]


def _describe(payload: Json) -> Json:
    wanted, name, status = payload.get("jobDefinitions"), payload.get("jobDefinitionName"), payload.get("status")
    if wanted:
        found = [definition for reference in wanted if (definition := find_definition(reference)) is not None]
    elif name:
        found = list(stub._job_definitions.get(name, []))
    else:
        found = [definition for revisions in stub._job_definitions.values() for definition in revisions]
    chosen = [definition for definition in found if status in (None, definition["status"])]
    entries = ((position, definition.copy) for position, definition in enumerate(chosen))
    items, token = take_page(entries, payload, at_most=PAGE)
    return {"jobDefinitions": items, **({"nextToken": token} if token else {})}


def _deregister(payload: Json) -> Json:
    definition = find_definition(payload.get("jobDefinition"))
    if definition is None:
        raise ClientException(f"JobDefinition {payload.get('jobDefinition')} does not exist")
    definition["status"] = "INACTIVE"
    return {}
