"""The submissions that run some children of an array again: what SubmitJob takes, from what DescribeJobs tells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.first_job import FirstJob
from batchbell.cli.jobs.overrides import Changes, container_overrides
from batchbell.dispatcher.records.index_ranges import to_ranges
from batchbell.wire import RERUN_ARRAY_SIZE, RERUN_INDEXES, RERUN_NAME_TAG, RERUN_REASON_TAG, RERUN_TAG

PAYLOAD_LIMIT = 30 * 1024  # bytes of a SubmitJob request (AWS Batch User Guide, "AWS Batch service quotas")
TAGS_LIMIT = 50  # of a job (AWS Batch API reference, SubmitJob)
# Members of JobDetail that SubmitJob takes as they are, under this name.
COPIED = {
    "jobQueue": "jobQueue",
    "jobDefinition": "jobDefinition",
    "parameters": "parameters",
    "timeout": "timeout",
    "propagateTags": "propagateTags",
    "shareIdentifier": "shareIdentifier",
    "consumableResourceProperties": "consumableResourcePropertiesOverride",
}


@dataclass(frozen=True)
class Submission:
    """One job to submit. `request`: SubmitJob's parameters, which may hold secrets of the job's environment."""

    indexes: Sequence[int]
    request: Mapping[str, Any] = field(repr=False)


def make_submissions(job: FirstJob, indexes: Sequence[int], changes: Changes) -> list[Submission]:
    """Return the jobs that run these children again: one, unless its request is longer than AWS takes.

    Raises CommandFailed if the request is too long without any index.
    """
    room = PAYLOAD_LIMIT - _length(_submission(job, [0, 9_999], changes).request)
    parts: list[list[int]] = [[]]
    used = 0
    for text, part in _ranges(indexes):
        if used + len(text) + 1 > room and parts[-1]:
            parts.append([])
            used = 0
        if len(text) + 1 > room:
            raise CommandFailed(
                f"the job's command and environment leave no room for an index in the {PAYLOAD_LIMIT // 1024} KiB "
                "that SubmitJob takes"
            )
        parts[-1].extend(part)
        used += len(text) + 1
    return [_submission(job, part, changes) for part in parts]


def _ranges(indexes: Sequence[int]) -> list[tuple[str, range]]:
    ranges = []
    for text in to_ranges(indexes):
        first, _, last = text.partition("-")
        ranges.append((text, range(int(first), int(last or first) + 1)))
    return ranges


def _length(request: Mapping[str, Any]) -> int:
    """The length of the request's body, which botocore writes as JSON in ASCII."""
    return len(json.dumps(request))


def _submission(job: FirstJob, indexes: Sequence[int], changes: Changes) -> Submission:
    detail = job.detail
    variables = {RERUN_INDEXES: ",".join(to_ranges(indexes)), RERUN_ARRAY_SIZE: str(job.array_size)}
    copied = {theirs: detail[ours] for ours, theirs in COPIED.items() if detail.get(ours) not in (None, {}, "")}
    request: dict[str, Any] = {
        "jobName": _name(job, changes),
        **copied,
        **container_overrides(detail, variables, changes),
        "tags": _tags(job, changes),
    }
    if retry := detail.get("retryStrategy"):
        request["retryStrategy"] = _retry_strategy(retry)
    if "shareIdentifier" in copied and detail.get("schedulingPriority") is not None:
        request["schedulingPriorityOverride"] = detail["schedulingPriority"]
    if len(indexes) > 1:  # an array has 2 children at the least (AWS Batch API reference, ArrayProperties)
        request["arrayProperties"] = {"size": len(indexes)}
        if is_sequential(detail):
            request["dependsOn"] = [{"type": "SEQUENTIAL"}]
    return Submission(list(indexes), request)


def is_sequential(detail: Mapping[str, Any]) -> bool:
    """Whether each child waits for the one before it."""
    return any(one.get("type") == "SEQUENTIAL" for one in detail.get("dependsOn") or [])


def copied_tags(job: FirstJob) -> Mapping[str, str]:
    """Return the job's tags without AWS's own, which nobody else may set, and without those of a rerun."""
    ours = (RERUN_TAG, RERUN_NAME_TAG, RERUN_REASON_TAG)
    return {key: value for key, value in job.tags.items() if not key.startswith("aws:") and key not in ours}


def _name(job: FirstJob, changes: Changes) -> str:
    return changes.name or str(job.detail["jobName"])


def _tags(job: FirstJob, changes: Changes) -> dict[str, str]:
    """The tag of a rerun is always among them; without room, those of the reason and name are left out."""
    first_name = job.tags.get(RERUN_NAME_TAG) or str(job.detail["jobName"])
    added = {
        RERUN_TAG: job.first_arn,
        **({RERUN_NAME_TAG: first_name} if _name(job, changes) != first_name else {}),
        **({RERUN_REASON_TAG: changes.reason} if changes.reason else {}),
    }
    kept = dict(list(copied_tags(job).items())[: TAGS_LIMIT - 1])
    return dict(list({**kept, **added}.items())[:TAGS_LIMIT])


def _retry_strategy(described: Mapping[str, Any]) -> dict[str, Any]:
    """AWS shows the actions in lower case (seen in its events), and takes them in upper case (its model)."""
    rules = [{**rule, "action": str(rule["action"]).upper()} for rule in described.get("evaluateOnExit") or []]
    attempts = {"attempts": described["attempts"]} if "attempts" in described else {}
    return {**attempts, **({"evaluateOnExit": rules} if rules else {})}
