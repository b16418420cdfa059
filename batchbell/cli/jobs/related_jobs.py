"""Jobs of the queue that have to do with a failed array: earlier reruns of it, and jobs that depend on it.

AWS Batch finds no job by its tags or dependencies, so the jobs since then are looked through, up to a limit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.failed_children import find_failed
from batchbell.cli.jobs.first_job import FirstJob, read_job
from batchbell.texts import one_line
from batchbell.wire import ENDED, RERUN_TAG

LOOKED_THROUGH = 1_000  # jobs of each list: 20 calls


@dataclass(frozen=True)
class EarlierRerun:
    """A rerun that was submitted before.

    failed: those of `indexes` that failed again.
    """

    id: str
    created_at: int  # in milliseconds
    status: str
    indexes: Sequence[int]
    failed: frozenset[int]

    @property
    def not_to_repeat(self) -> set[int]:
        """The indexes that succeeded in it, or that it still runs."""
        return set(self.indexes) - self.failed

    @property
    def is_finished(self) -> bool:
        return self.status in ENDED

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "status": self.status, "indexes": list(self.indexes), "failed": sorted(self.failed)}


@dataclass(frozen=True)
class Dependent:
    """A job that depends on the failed array, or on one of its children."""

    id: str
    name: str
    status: str

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "status": self.status}


@dataclass(frozen=True)
class RelatedJobs:
    """`complete`: False if there were more jobs than were looked through."""

    reruns: Sequence[EarlierRerun]
    dependents: Sequence[Dependent]
    complete: bool


def find_related(batch: BatchApi, job: FirstJob, since: int | None = None) -> RelatedJobs:
    """Look through the queue's jobs that were created after this one.

    since: look at later jobs only; in milliseconds.

    Raises CommandFailed if AWS does not tell of which children a rerun is, and botocore's errors.
    """
    after = job.created_at if since is None else since
    # A rerun has the first job's name unless the operator gave it another: it is found however many jobs there are.
    named, rest = _take(batch.filtered(job.queue, "JOB_NAME", str(job.detail.get("jobName", ""))))
    latest, rest_of_latest = _take(batch.filtered(job.queue, "AFTER_CREATED_AT", str(after)))
    ids = {one["jobId"]: None for one in (*named, *latest) if one.get("createdAt", after) >= after}
    details = batch.describe([id_ for id_ in ids if id_ != job.id]).values()
    reruns = [one for one in details if (one.get("tags") or {}).get(RERUN_TAG) == job.first_arn]
    return RelatedJobs(
        sorted((_rerun(batch, one) for one in reruns), key=lambda rerun: rerun.created_at),
        [_dependent(one) for one in details if one not in reruns and _depends_on(one, job.id)],
        not (rest or rest_of_latest),
    )


def _take(jobs: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], bool]:
    """Return at most LOOKED_THROUGH jobs, and whether there are more."""
    taken = list(itertools.islice(jobs, LOOKED_THROUGH + 1))
    return taken[:LOOKED_THROUGH], len(taken) > LOOKED_THROUGH


def _rerun(batch: BatchApi, detail: Mapping[str, Any]) -> EarlierRerun:
    rerun = read_job(detail)
    try:
        failed = frozenset(child.index for child in find_failed(batch, rerun))
    except CommandFailed:  # they are forgotten: which of them succeeded is unknown
        failed = frozenset()
    return EarlierRerun(rerun.id, rerun.created_at, rerun.status, rerun.indexes, failed)


def _dependent(detail: Mapping[str, Any]) -> Dependent:
    name = one_line(str(detail.get("jobName", "")), 200)
    return Dependent(str(detail["jobId"]), name, str(detail.get("status", "")))


def _depends_on(detail: Mapping[str, Any], job_id: str) -> bool:
    on = [str(one.get("jobId", "")) for one in detail.get("dependsOn") or []]
    return any(one == job_id or one.startswith(f"{job_id}:") for one in on)
