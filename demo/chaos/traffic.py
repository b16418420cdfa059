"""What AWS Batch and others put on the bus and into the queue: jobs that finish, with the noise around them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from batchbell_local.ministack.batch.jobs import ArrayParent, Job, Plan, Status
from batchbell_local.ministack.batch.shapes import event_detail
from batchbell_local.server import ACCOUNT_ID, REGION

Event = Mapping[str, Any]

FAILING = 0.4  # of the jobs
TWICE = 0.2  # of the events: AWS delivers at least once
ODD = 0.03  # records that no job can be read from, a job
DELAY = 0.25  # of the whole: how far events are moved at most


@dataclass(frozen=True)
class Traffic:
    """What is sent, in order. `keys`: the jobs' names by their messages' keys; `odd`: records for the queue itself."""

    keys: Mapping[str, str]
    events: Sequence[Event]
    odd: Sequence[str]

    @property
    def jobs(self) -> Sequence[str]:
        return list(self.keys.values())


def compose_traffic(jobs: int, dice: Random, queue_arn: str, definition_arn: str) -> Traffic:
    """`jobs` array jobs of two children that finish, each with events of its children and of states before the end;
    some events come twice, and all in another order. Names are "chaos-0001" and so on."""
    plan = {"queue_arn": queue_arn, "definition_arn": definition_arn}
    keys: dict[str, str] = {}
    timed: list[tuple[float, Event]] = []
    for number in range(1, jobs + 1):
        name = f"chaos-{number:04}"
        parent = _parent(name, dice, **plan)
        keys[f"{parent.arn}#{parent.status}"] = name
        events = [_event(parent, Status.RUNNABLE), *(_event(child) for child in parent.children), _event(parent)]
        events += [event for event in events if dice.random() < TWICE]
        timed += [(number + dice.random() * DELAY * jobs, event) for event in events]
    odd = [_odd_record(number, dice) for number in range(round(jobs * ODD) or 1)]
    return Traffic(keys, [event for _, event in sorted(timed, key=lambda one: one[0])], odd)


def _parent(name: str, dice: Random, queue_arn: str, definition_arn: str) -> ArrayParent:
    now = int(time.time() * 1000)
    plan = Plan(
        account=ACCOUNT_ID,
        region=REGION,
        name=name,
        queue_arn=queue_arn,
        definition_arn=definition_arn,
        platform="EC2",
        platform_capabilities=("EC2",),
        container={"image": "busybox", "command": ["true"], "environment": []},
        command=("true",),
        environment={},
        parameters={},
        retry=None,
        timeout_seconds=None,
        size=2,
        depends_on=(),
        propagate_tags=False,
        extras={},
    )
    parent = ArrayParent(plan, str(uuid.UUID(int=dice.getrandbits(128), version=4)), 0, now - 60_000, {})
    failed = dice.choice((1, 2)) if dice.random() < FAILING else 0
    parent.status = Status.FAILED if failed else Status.SUCCEEDED
    parent.counts.clear()
    parent.counts.update({Status.SUCCEEDED: 2 - failed, Status.FAILED: failed})
    for child in parent.children:
        child.status = Status.FAILED if (child.index or 0) < failed else Status.SUCCEEDED
    return parent


def _event(job: Job, status: Status | None = None) -> Event:
    detail = event_detail(job) | ({"status": str(status)} if status else {})
    return {"source": "aws.batch", "detail-type": "Batch Job State Change", "resources": [job.arn], "detail": detail}


def _odd_record(number: int, dice: Random) -> str:
    """Each one of its own, so that a copy can be told from another record."""
    texts = (f"no JSON {number}", json.dumps([number]), json.dumps({"source": "aws.ec2", "id": str(number)}))
    return dice.choice(texts)
