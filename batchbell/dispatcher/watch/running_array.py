"""An array job that runs, as ListJobs or DescribeJobs tells of it.

Source: AWS Batch API reference, JobSummary, JobDetail, ArrayPropertiesSummary. A parent is PENDING from when a child
becomes RUNNABLE until all have ended, and also while it waits for a job that it depends on (AWS Batch User Guide,
"Array jobs" and "Job states").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.contract import Progress
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import InvalidEvent, JsonObject
from batchbell.wire import ENDED, DetailType

STARTED = ("STARTING", "RUNNING", *ENDED)


@dataclass(frozen=True)
class RunningArray:
    """`updated_at`: when AWS last counted its children (epoch seconds); None if AWS does not say."""

    job: Job
    updated_at: float | None = None

    @property
    def size(self) -> int:
        return self.job.array_size or 0

    @property
    def progress(self) -> Progress:
        def number(*statuses: str) -> int:
            return sum(max(0, self.job.counts.get(status, 0)) for status in statuses)

        return Progress(self.size, number(*ENDED), number("FAILED"), number(*STARTED))

    @property
    def is_counted(self) -> bool:
        """False if AWS does not say in which states its children are."""
        return any(number > 0 for number in self.job.counts.values())

    @property
    def has_ended(self) -> bool:
        return self.job.status in ENDED

    @property
    def is_under_way(self) -> bool:
        """Whether it has children that may run or run, and not all have ended.

        One whose children all wait for another job has not begun, and of one whose children have all ended the outcome
        is about to come.
        """
        begun = self.progress.started + max(0, self.job.counts.get("RUNNABLE", 0))
        return not self.has_ended and begun > 0 and self.progress.finished < self.size

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], queue: str) -> RunningArray | None:
        """Read a JobSummary or a JobDetail; None if it is not an array's parent.

        queue: its ARN, which ListJobs leaves out.
        """
        array = JsonObject(fields, "the job").object("arrayProperties")
        if not array.integer("size") or array.integer("index") is not None:
            return None
        try:
            job = job_from(fields, queue)
        except InvalidEvent:
            return None
        updated = array.integer("statusSummaryLastUpdatedAt")
        return cls(job, updated / 1000 if updated and updated > 0 else None)


def job_from(fields: Mapping[str, Any], queue: str = "", time: str = "") -> Job:
    """Read a JobSummary or JobDetail as the event about the job would have it. Raises InvalidEvent.

    time: the event's.
    """
    return Job.from_event(
        {
            "source": "aws.batch",
            "detail-type": DetailType.JOB_STATE_CHANGE.value,
            "time": time,
            "detail": {"jobQueue": queue, **fields},
        }
    )
