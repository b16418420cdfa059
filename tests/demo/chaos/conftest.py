from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from demo.chaos.audit import Audit, Times, audit_run
from demo.chaos.ending import Ending
from demo.chaos.workload import Workload

ARN = "arn:aws:batch:us-east-1:123456789012:job/"
KEYS = {f"{ARN}1#FAILED": "chaos-0001", f"{ARN}2#SUCCEEDED": "chaos-0002"}
INVALID = {"unreadable": 1, "reason": "the record is not JSON", "sha256": "abc", "size": 7}
ONE, TWO = ["chaos-0001 failed"], ["chaos-0002 succeeded"]
CALM = Ending(waiting=[], alive=[], dead=[INVALID], dead_again=[], connections=0, descriptors=12)
TIMES = Times(lifetime=2_400, slot=2, apart=600)


def ticket(reason: str = "", number: int = 1, **fields: Any) -> dict[str, Any]:
    """A ticket of one of the jobs, for Slack."""
    key = list(KEYS)[number - 1]
    name = KEYS[key]
    message = {
        "key": key,
        "job_name": name,
        "title": f"{name} failed",
        "summary": "array job, 2 children",
        "facts": [{"name": "Queue", "value": "queue"}],
        "links": [{"label": "Job", "url": "https://console.aws.amazon.com/"}],
    }
    times = {"first_tried": 10_000.0, "not_before": 0.0}
    return {"ticket": 1, "message": message, "notifier": "slack", "reason": reason, **times, **fields}


@pytest.fixture
def audit():
    """Audits a run of two jobs: what arrived on Slack, what its bot posted, and what differs from a calm `Ending`."""

    def run(
        slack: Any = (ONE, TWO), log: Any = (), kills: int = 0, refused: Any = (), bot: Any = (), **seen: Any
    ) -> Audit:
        if "dead" in seen and "dead_again" not in seen:
            seen["dead_again"] = seen["dead"]
        workload = Workload(KEYS, [], ["no JSON"], refused)
        arrived = {"slack": list(slack), "bot": [ONE, TWO], "email": [ONE, TWO]}
        ending = dataclasses.replace(CALM, **seen)
        hits = {"slack: 429": 3, "slack: 500": 0}
        return audit_run(workload, arrived, bot, ending, list(log), hits, kills, TIMES, 7, 1.23)

    return run
