"""Follows the jobs of a rerun until all have ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.failed_children import find_failed
from batchbell.cli.jobs.first_job import read_job, size_of
from batchbell.cli.jobs.submitting import SubmittedJob
from batchbell.wire import ENDED

SHORTEST, LONGEST = 1.0, 10.0  # s between two polls: a tenth of the time that the rerun has taken


@dataclass(frozen=True)
class Progress:
    """How far a rerun is. `finished`: children, in any way."""

    finished: int
    total: int
    ended: bool


@dataclass(frozen=True)
class Outcome:
    """How a rerun ended. `failed`: indexes in the first array."""

    succeeded: int
    failed: Sequence[int]

    def to_dict(self) -> dict[str, Any]:
        return {"succeeded": self.succeeded, "failed": list(self.failed)}


def follow(batch: BatchApi, jobs: Sequence[SubmittedJob]) -> Iterator[Progress]:
    """Yield the progress again and again, until all jobs have ended. Raises CommandFailed and botocore's errors."""
    started = time.monotonic()
    while True:
        details = _describe(batch, jobs)
        progress = Progress(
            sum(_finished(one) for one in details),
            sum(len(job.indexes) for job in jobs),
            all(one["status"] in ENDED for one in details),
        )
        yield progress
        if progress.ended:
            return
        time.sleep(min(LONGEST, max(SHORTEST, (time.monotonic() - started) / 10)))


def read_outcome(batch: BatchApi, jobs: Sequence[SubmittedJob]) -> Outcome:
    """Return how the jobs have ended. Raises CommandFailed and botocore's errors."""
    failed = [child.index for one in _describe(batch, jobs) for child in find_failed(batch, read_job(one))]
    return Outcome(sum(len(job.indexes) for job in jobs) - len(failed), sorted(failed))


def _describe(batch: BatchApi, jobs: Sequence[SubmittedJob]) -> list[Mapping[str, Any]]:
    found = batch.describe([job.id for job in jobs])
    if missing := [job.id for job in jobs if job.id not in found]:
        raise CommandFailed(f"AWS Batch no longer knows the job {missing[0]}")
    return list(found.values())


def _finished(detail: Mapping[str, Any]) -> int:
    if detail["status"] in ENDED:
        return size_of(detail) or 1
    counts = (detail.get("arrayProperties") or {}).get("statusSummary") or {}
    return sum(counts.get(status, 0) for status in ENDED)
