"""The failed children of a job, from all pages of ListJobs, and their groups by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.first_job import FirstJob
from batchbell.dispatcher.messages.failed_child import full_reason
from batchbell.dispatcher.records.containers import deciding_container, status_reason_of
from batchbell.dispatcher.records.index_ranges import to_ranges
from batchbell.dispatcher.records.json_object import JsonObject
from batchbell.texts import one_line

DEPENDENCY_FAILED = "Dependent Job failed"  # seen in AWS's events


@dataclass(frozen=True)
class FailedChild:
    """`index`: in the first array, also if the child belongs to a rerun of it."""

    index: int
    reason: str
    exit_code: int | None

    @property
    def never_ran(self) -> bool:
        return self.reason.startswith(DEPENDENCY_FAILED)


@dataclass(frozen=True)
class CauseGroup:
    """Children that failed with the same reason and exit code."""

    reason: str
    exit_code: int | None
    indexes: Sequence[int]

    def to_dict(self) -> dict[str, Any]:
        return {"reason": self.reason, "exit_code": self.exit_code, "indexes": list(self.indexes)}


def find_failed(batch: BatchApi, job: FirstJob) -> list[FailedChild]:
    """Return the children that are FAILED now, by index. No state follows on it: none of them runs or will run.

    Raises CommandFailed if AWS Batch does not list them, and botocore's errors.
    """
    if not job.is_array:
        return [_child(job.detail, job.indexes[0])] if job.status == "FAILED" else []
    found: dict[int, FailedChild] = {}
    for summary in batch.children(job.id, "FAILED"):
        position = (summary.get("arrayProperties") or {}).get("index")
        if not isinstance(position, int):
            position = int(str(summary["jobId"]).rpartition(":")[2])
        found[job.indexes[position]] = _child(summary, job.indexes[position])
    if not found and job.status == "FAILED":
        raise CommandFailed(
            f"{job.id} failed, but AWS Batch lists none of its failed children: it forgets finished jobs after a "
            "week or more"
        )
    return [child for _, child in sorted(found.items())]


def group_by_cause(children: Sequence[FailedChild]) -> list[CauseGroup]:
    """Return the groups, the largest first."""
    groups: dict[tuple[str, int | None], list[int]] = {}
    for child in children:
        groups.setdefault((child.reason, child.exit_code), []).append(child.index)
    made = [CauseGroup(reason, code, indexes) for (reason, code), indexes in groups.items()]
    return sorted(made, key=lambda group: (-len(group.indexes), group.indexes[0]))


def shown(indexes: Sequence[int], limit: int = 12) -> str:
    """Return a text for people, such as "0-3, 17 and 5 more ranges". `limit`: ranges."""
    ranges = to_ranges(indexes)
    rest = len(ranges) - limit
    return ", ".join(ranges[:limit]) + (f" and {rest:,} more ranges" if rest > 0 else "")


def _child(json: Mapping[str, Any], index: int) -> FailedChild:
    """`json`: a JobSummary or a JobDetail."""
    fields = JsonObject(json, "the child")
    container = deciding_container(fields)
    return FailedChild(index, one_line(full_reason(status_reason_of(fields), container.reason)), container.exit_code)
