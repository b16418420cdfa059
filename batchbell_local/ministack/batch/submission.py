"""Checks a SubmitJob request and turns it into a `JobSpec`."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core.responses import get_account_id, get_region

from .job_definitions import active_definition, check_timeout
from .job_queues import existing_queue, platform_of_queue
from .jobs import Dependency, JobSpec
from .operation import ClientException, Json, required_name
from .retries import RetryStrategy

ARRAY_SIZES = range(2, 10_001)  # API reference, ArrayProperties
MAX_DEPENDENCIES = 20  # API reference, SubmitJob
MAX_PAYLOAD = 30 * 1024  # bytes (User Guide, "AWS Batch service quotas")
MAX_TAGS = 50  # API reference, SubmitJob
RESERVED = "AWS_BATCH"  # no variable's name begins with it (API reference, ContainerOverrides)
PLACEHOLDER = re.compile(r"Ref::([A-Za-z0-9_-]+)")
LISTS = ("volumes", "environment", "mountPoints", "ulimits", "resourceRequirements", "secrets")
EXTRAS = {"shareIdentifier": "shareIdentifier", "schedulingPriorityOverride": "schedulingPriority"}


def parse_submission(payload: Json) -> JobSpec:
    """Parse a SubmitJob request. Raises ClientException for what AWS refuses, and for what cannot run locally."""
    if len(json.dumps(payload)) > MAX_PAYLOAD:
        raise ClientException(f"A SubmitJob request takes at most {MAX_PAYLOAD:,} bytes")
    if len(payload.get("tags") or {}) > MAX_TAGS:
        raise ClientException(f"A job has at most {MAX_TAGS} tags")
    name = required_name(payload, "jobName")
    queue = existing_queue(payload)
    if queue["state"] != "ENABLED":
        raise ClientException(f"Job queue {queue['jobQueueName']} is not in ENABLED state")
    definition = active_definition(payload.get("jobDefinition"))
    if definition.get("containerProperties") is None:
        raise ClientException("Only job definitions with containerProperties run locally")
    platform = platform_of_queue(queue)
    capabilities = tuple(definition.get("platformCapabilities") or ["EC2"])
    if platform not in capabilities:
        raise ClientException(
            f"The platform capabilities of the job definition ({', '.join(capabilities)}) do not fit the job queue,"
            f" whose compute environments are {platform}"
        )
    parameters = {**(definition.get("parameters") or {}), **(payload.get("parameters") or {})}
    timeout = payload.get("timeout") or definition.get("timeout")
    check_timeout(timeout)
    container = _container(definition["containerProperties"], payload.get("containerOverrides") or {}, platform)
    container["command"] = [_substitute(argument, parameters) for argument in container["command"]]
    size = _size(payload.get("arrayProperties"))
    return JobSpec(
        account=get_account_id(),
        region=get_region(),
        name=name,
        queue_arn=queue["jobQueueArn"],
        definition_arn=definition["jobDefinitionArn"],
        platform=platform,
        platform_capabilities=capabilities,
        container=container,
        command=tuple(container["command"]),
        environment={variable["name"]: variable.get("value", "") for variable in container["environment"]},
        parameters=parameters,
        retry=RetryStrategy.parse(payload.get("retryStrategy") or definition.get("retryStrategy")),
        timeout_seconds=timeout["attemptDurationSeconds"] if timeout else None,
        size=size,
        depends_on=_dependencies(payload.get("dependsOn") or [], size),
        propagate_tags=bool(payload.get("propagateTags", definition.get("propagateTags", False))),
        extras={shown: payload[given] for given, shown in EXTRAS.items() if given in payload},
    )


def _size(given: Any) -> int | None:
    size = (given or {}).get("size")
    if size is None:
        return None
    if not isinstance(size, int) or size not in ARRAY_SIZES:
        raise ClientException(f"arrayProperties.size must be {ARRAY_SIZES[0]} to {ARRAY_SIZES[-1]:,}, got {size!r}")
    return size


def _dependencies(given: list[Json], size: int | None) -> tuple[Dependency, ...]:
    if len(given) > MAX_DEPENDENCIES:
        raise ClientException(f"dependsOn takes at most {MAX_DEPENDENCIES} jobs")
    found = []
    for entry in given:
        job_id, kind = entry.get("jobId"), entry.get("type", "")
        if kind not in ("", "SEQUENTIAL", "N_TO_N"):
            raise ClientException(f"dependsOn.type must be SEQUENTIAL or N_TO_N, got {kind!r}")
        if kind and size is None:
            raise ClientException(f"A {kind} dependency is for array jobs only")
        if (job_id is None) != (kind == "SEQUENTIAL"):
            raise ClientException("A dependency needs a jobId, unless it is SEQUENTIAL")
        found.append(Dependency(job_id, kind))
    return tuple(found)


def _container(properties: Json, overrides: Json, platform: str) -> Json:
    """The container as DescribeJobs shows it: overrides applied, missing lists empty. Raises ClientException."""
    if "" in (overrides.get("command") or []):
        raise ClientException("containerOverrides.command can't contain an empty string")
    if reserved := [one["name"] for one in overrides.get("environment") or [] if one["name"].startswith(RESERVED)]:
        raise ClientException(f"The names of environment variables cannot start with {RESERVED}, as {reserved[0]} does")
    container: Json = {**properties, "command": list(overrides.get("command") or properties.get("command") or [])}
    for key in LISTS:
        container[key] = list(properties.get(key) or [])
    container["environment"] = _merged(container["environment"], overrides.get("environment"), "name")
    container["resourceRequirements"] = _merged(
        container["resourceRequirements"], overrides.get("resourceRequirements"), "type"
    )
    container |= {key: overrides[key] for key in ("vcpus", "memory", "instanceType") if key in overrides}
    if properties.get("logConfiguration"):
        container["logConfiguration"] = {"options": {}, "secretOptions": [], **properties["logConfiguration"]}
    if platform == "FARGATE":
        container.setdefault("fargatePlatformConfiguration", {"platformVersion": "LATEST"})
    return container


def _merged(given: list[Json], overrides: list[Json] | None, key: str) -> list[Json]:
    return list(({entry[key]: entry for entry in given} | {entry[key]: entry for entry in overrides or []}).values())


def _substitute(argument: str, parameters: dict[str, str]) -> str:
    """Replace each Ref::NAME by its parameter; unknown names stay."""
    return PLACEHOLDER.sub(lambda found: parameters.get(found[1], found[0]), argument)
