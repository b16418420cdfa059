"""The events of finished array jobs, and when they come."""

from __future__ import annotations

import json
from dataclasses import dataclass

from batchbell.wire import DetailType
from tests.simulation.plan import Plan

ARN = "arn:aws:batch:us-east-1:123456789012"
SUBMITTED = 1_763_607_600_000  # ms


@dataclass(frozen=True)
class Event:
    """One finished job. `at`: seconds after the beginning; `copies`: how often its event comes."""

    job: str
    status: str
    at: float
    copies: int

    @property
    def job_id(self) -> str:
        return f"id-of-{self.job}"

    @property
    def key(self) -> str:
        return f"{ARN}:job/{self.job_id}#{self.status}"

    def body(self) -> str:
        failed = 1 if self.status == "FAILED" else 0
        return json.dumps(
            {
                "source": "aws.batch",
                "detail-type": DetailType.JOB_STATE_CHANGE,
                "time": "2025-11-20T03:12:45Z",
                "detail": {
                    "jobArn": f"{ARN}:job/{self.job_id}",
                    "jobName": self.job,
                    "jobId": self.job_id,
                    "jobQueue": f"{ARN}:job-queue/nightly",
                    "jobDefinition": f"{ARN}:job-definition/render:12",
                    "status": self.status,
                    "createdAt": SUBMITTED,
                    "arrayProperties": {"size": 3, "statusSummary": {"SUCCEEDED": 3 - failed, "FAILED": failed}},
                },
            }
        )


def make_events(plan: Plan) -> list[Event]:
    """All at once, in a few bursts, or one by one."""
    random = plan.random("workload")
    length = plan.minutes * 60 / 2
    bursts = random.choice((1, 3, plan.jobs))
    moments = [random.random() * length for _ in range(bursts)]
    copies = plan.random("workload/duplicates")
    return [
        Event(
            job=f"sim-{number:03}",
            status=random.choice(("SUCCEEDED", "SUCCEEDED", "FAILED")),
            at=random.choice(moments) + random.random() * 3,
            copies=1 + ("duplicates" in plan.faults and copies.random() < 0.2),
        )
        for number in range(1, plan.jobs + 1)
    ]
