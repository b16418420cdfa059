"""Tags of compute environments, queues, job definitions and jobs, by ARN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from ministack.services import batch as stub

from .compute_environments import find_environment
from .job_definitions import find_definition
from .operation import ClientException, Json, find_record
from .scheduler import Scheduler

PATH = "/v1/tags/"
MAX_TAGS = 50  # of a resource (User Guide, "Tag restrictions")


def tags_operation(
    scheduler: Scheduler, method: str, path: str, query: dict[str, Sequence[str]]
) -> Callable[[Json], Json]:
    """TagResource (POST), UntagResource (DELETE) or ListTagsForResource (GET) on the ARN in the path."""
    arn = unquote(path[len(PATH) :])

    def operate(payload: Json) -> Json:
        tags = _tags_of(scheduler, arn)
        if method == "GET":
            return {"tags": dict(tags)}
        if method == "DELETE":
            for key in query.get("tagKeys", ()):
                tags.pop(key, None)
            return {}
        added: dict[str, Any] = payload.get("tags") or {}
        if len({*tags, *added}) > MAX_TAGS:
            raise ClientException(f"A resource has at most {MAX_TAGS} tags")
        tags.update(added)
        return {}

    return operate


def _tags_of(scheduler: Scheduler, arn: str) -> dict[str, str]:
    job = scheduler.find(arn.rpartition(":job/")[2])
    if job is not None and job.arn == arn and job.parent is None:
        return job.tags
    record = find_environment(arn) or find_record(stub._job_queues, arn, "jobQueueArn") or find_definition(arn)
    if record is None:
        raise ClientException(f"Resource {arn} does not exist")
    tags: dict[str, str] = record.setdefault("tags", {})
    return tags
