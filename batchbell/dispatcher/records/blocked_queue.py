"""The EventBridge event of a job queue whose first job cannot run, and the message about it.

Source: AWS Batch User Guide, "Job queue blocked events": the `detail` is the job's, with the reason as its
statusReason. AWS raises it again and again while it lasts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from batchbell.contract import Fact, Link, Message, Severity
from batchbell.dispatcher.messages import console_links as console
from batchbell.dispatcher.messages.dates import humanise, moment, read_time, show
from batchbell.dispatcher.records.job import KEY_LIMIT, InvalidEvent, Job

DETAIL_TYPE = "Batch Job Queue Blocked"


@dataclass(frozen=True)
class BlockedQueue:
    """A queue, by the job that blocks it; `seen`: when Batch told of it."""

    job: Job
    seen: datetime

    @property
    def reason(self) -> str:
        return self.job.status_reason or "no reason given"

    @property
    def key(self) -> str:
        """The same for each repetition of one UTC day. The reason's text may be long: its hash stands for it."""
        reason = hashlib.sha256(self.reason.encode()).hexdigest()[:16]
        return f"{self.job.queue}#{self.job.id}#BLOCKED#{reason}#{self.seen:%Y-%m-%d}"

    @classmethod
    def from_event(cls, event: Any) -> BlockedQueue:
        """Parse an EventBridge event, already decoded from JSON. Raises InvalidEvent."""
        job = Job.from_event(event, DETAIL_TYPE)
        seen = read_time(job.event_time)
        if seen is None:
            raise InvalidEvent("the event has no time")
        blocked = cls(job, seen)
        if len(blocked.key.encode()) > KEY_LIMIT:
            raise InvalidEvent("detail.jobQueue or detail.jobId is too long")
        return blocked


def compose_blocked(blocked: BlockedQueue, zone: tzinfo = UTC) -> Message:
    """What people read about it. `zone`: of the times told."""
    job = blocked.job
    facts = [Fact("Reason", blocked.reason), Fact("Job queue", job.queue_name), Fact("Job", job.name)]
    if job.definition:
        facts.append(Fact("Job definition", job.definition_name))
    created = moment(job.created_at)
    if created is not None and created <= blocked.seen:
        facts.append(Fact("Waiting for", humanise((blocked.seen - created).total_seconds())))
    facts += [Fact("Time", show(blocked.seen, zone)), Fact("Job id", job.id)]
    links = (
        ("Job queue in the AWS console", console.job_queue(job.partition, job.region, job.queue)),
        ("Job in the AWS console", console.job(job.partition, job.region, job.id)),
    )
    return Message(
        key=blocked.key,
        kind="queue-blocked",
        status="BLOCKED",
        severity=Severity.WARNING,
        title=f"Job queue {job.queue_name} is blocked by {job.name}",
        summary="The job at its head cannot run, and those behind it wait",
        job_name=job.name,
        facts=tuple(facts),
        notes=("AWS says so again and again while it lasts; you are told once a day.",),
        links=tuple(Link(label, url) for label, url in links if url),
        queue=job.queue_name,
        thread=f"{job.queue}#{job.id}",
    )
