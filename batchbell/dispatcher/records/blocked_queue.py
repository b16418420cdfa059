"""The EventBridge event of a job queue whose first job cannot run.

Source: AWS Batch User Guide, "Job queue blocked events": `detail` is the job's, and its statusReason is the reason. AWS
repeats the event while the queue stays blocked, and raises it for each job that comes to the queue's head: with a time
limit on the queue (jobStateTimeLimitActions: CANCEL after 10 minutes at least) that may be 144 jobs a day. People hear
of a queue and a reason once a day, whichever jobs are at its head.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from batchbell.dispatcher.dates import parse_iso
from batchbell.dispatcher.records.job import KEY_LIMIT, Job
from batchbell.dispatcher.records.json_object import InvalidEvent
from batchbell.wire import DetailType

# The beginning of AWS's reasons: what follows may name an instance type, and differ from job to job (AWS Batch User
# Guide, "Jobs stuck in a RUNNABLE status": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the
# capacity requested for instance type [instanceTypeName]"; one of them has a longer dash).
_CODE = re.compile(r"[A-Z][A-Z0-9_]+(?::[A-Z0-9_]+)?(?=\s*$|\s+[-\u2013\u2014]\s)")


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
        """The same for all events about the queue with a reason of the same kind on one UTC day.

        The reason may be long, so its hash is used.
        """
        code = _CODE.match(self.reason)
        reason = hashlib.sha256((code[0] if code else self.reason).encode()).hexdigest()[:16]
        return f"{self.job.queue}#BLOCKED#{reason}#{self.seen:%Y-%m-%d}"

    @classmethod
    def from_event(cls, event: Any) -> BlockedQueue:
        """Parse an EventBridge event that was decoded from JSON. Raises InvalidEvent."""
        job = Job.from_event(event, DetailType.QUEUE_BLOCKED)
        if not job.queue:
            raise InvalidEvent("nothing in the event says which queue it is: it has no jobQueue and no resources")
        seen = parse_iso(job.event_time)
        if seen is None:
            raise InvalidEvent("the event has no time")
        # The job at the head of a blocked queue is RUNNABLE, whether its event says so or not.
        blocked = cls(replace(job, status=job.status or "RUNNABLE"), seen)
        if len(blocked.key.encode()) > KEY_LIMIT:
            raise InvalidEvent("detail.jobQueue is too long")
        return blocked
