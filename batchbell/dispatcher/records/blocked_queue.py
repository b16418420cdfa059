"""The EventBridge event of a job queue whose first job cannot run.

Source: AWS Batch User Guide, "Job queue blocked events": `detail` is the job's, and its statusReason is the reason. AWS
repeats the event while the queue stays blocked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batchbell.dispatcher.dates import parse_iso
from batchbell.dispatcher.records.job import KEY_LIMIT, InvalidEvent, Job
from batchbell.wire import DetailType


@dataclass(frozen=True)
class BlockedQueue:
    """A queue and the job that blocks it; `seen`: the event's time."""

    job: Job
    seen: datetime

    @property
    def reason(self) -> str:
        return self.job.status_reason or "no reason given"

    @property
    def key(self) -> str:
        """The same for all events of one UTC day. The reason may be long, so its hash is used."""
        reason = hashlib.sha256(self.reason.encode()).hexdigest()[:16]
        return f"{self.job.queue}#{self.job.id}#BLOCKED#{reason}#{self.seen:%Y-%m-%d}"

    @classmethod
    def from_event(cls, event: Any) -> BlockedQueue:
        """Parse an EventBridge event that was decoded from JSON. Raises InvalidEvent."""
        job = Job.from_event(event, DetailType.QUEUE_BLOCKED)
        seen = parse_iso(job.event_time)
        if seen is None:
            raise InvalidEvent("the event has no time")
        blocked = cls(job, seen)
        if len(blocked.key.encode()) > KEY_LIMIT:
            raise InvalidEvent("detail.jobQueue or detail.jobId is too long")
        return blocked
