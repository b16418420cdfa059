"""The event pattern of the rule for events of Batch. Imports no resources of Pulumi: `explain` reads them too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from batchbell.wire import DetailType

from .settings.arns import any_revision

PATTERN_LIMIT = 2048  # characters; EventBridge quotas, "Event pattern size"


def finished_job_pattern(
    statuses: Sequence[str], queue_arns: Sequence[str], definition_arns: Sequence[str], *, single_jobs: bool
) -> dict[str, Any]:
    """Match array jobs in one of `statuses`, by their parent only; with `single_jobs`, also jobs that are not arrays.

    Only a parent has `arrayProperties.size`; `index exists:false` beside it is a safeguard. The widely copied filter
    `container.containerInstanceArn exists:false` also matches every child on Fargate and EKS, and every child that
    failed before it was placed (measured with AWS's own event-ruler).
    """
    detail: dict[str, Any] = {
        "status": list(statuses),
        **_in_queues(queue_arns),
        **_of_definitions(definition_arns),
    }
    if single_jobs:
        # A leaf that must not exist also matches when the whole object is missing (measured).
        detail["arrayProperties"] = {"index": [{"exists": False}]}
        detail["nodeDetails"] = {"nodeIndex": [{"exists": False}]}
    else:
        detail["arrayProperties"] = {"size": [{"exists": True}], "index": [{"exists": False}]}
    return {"source": ["aws.batch"], "detail-type": [DetailType.JOB_STATE_CHANGE.value], "detail": detail}


def blocked_queue_pattern(queue_arns: Sequence[str], definition_arns: Sequence[str]) -> dict[str, Any]:
    """Match blocked job queues: the watched ones, whichever job blocks them.

    If only definitions are watched, match every queue that is blocked by a job with one of these definitions.
    """
    detail = _in_queues(queue_arns) or _of_definitions(definition_arns)
    return {"source": ["aws.batch"], "detail-type": [DetailType.QUEUE_BLOCKED.value], "detail": detail}


def joined_pattern(finished: Mapping[str, Any], blocked: Mapping[str, Any]) -> dict[str, Any]:
    """Match what either of two patterns matches, as one rule: a rule costs an alarm of its own.

    ARNs that both ask for stand outside of `$or`, once: a pattern is limited in length. A branch adds its fields to
    those outside (measured with AWS's own event-ruler, 1.8.1).
    """
    first, second = dict(finished["detail"]), dict(blocked["detail"])
    shared = {field: value for field, value in second.items() if first.get(field) == value}
    branches = [
        {"detail-type": pattern["detail-type"], **({"detail": rest} if rest else {})}
        for pattern, detail in ((finished, first), (blocked, second))
        for rest in [{field: value for field, value in detail.items() if field not in shared}]
    ]
    outside = {"detail": shared} if shared else {}
    return {"source": finished["source"], **outside, "$or": branches}


def _in_queues(arns: Sequence[str]) -> dict[str, Any]:
    return {"jobQueue": list(arns)} if arns else {}


def _of_definitions(arns: Sequence[str]) -> dict[str, Any]:
    return {"jobDefinition": [{"prefix": any_revision(arn)} for arn in arns]} if arns else {}


def pattern_json(pattern: Mapping[str, Any]) -> str:
    """Raises pulumi.RunError if the pattern is longer than AWS accepts."""
    text = json.dumps(pattern, separators=(",", ":"))
    if len(text) > PATTERN_LIMIT:
        raise pulumi.RunError(
            f"the event pattern has {len(text)} characters and AWS takes {PATTERN_LIMIT}: watch fewer job queues "
            "and job definitions, or watch the others in a second stack"
        )
    return text
