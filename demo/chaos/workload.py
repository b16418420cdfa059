"""Generates what a chaos run sends: the events of finishing jobs, duplicates, and records that are not events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from batchbell.wire import DetailType
from batchbell_local.ministack.batch.job_json import event_detail
from batchbell_local.ministack.batch.jobs import ArrayParent, Job, JobSpec, Status
from batchbell_local.server import ACCOUNT_ID, REGION

Event = Mapping[str, Any]

FAILED_SHARE = 0.4  # of the jobs
DUPLICATE_SHARE = 0.2  # of the events: AWS delivers at least once
INVALID_SHARE = 0.03  # invalid records per job
REFUSED_SHARE = 0.02  # of the jobs
MAX_DELAY = 0.25  # how far events are moved at most, as a share of the whole run


@dataclass(frozen=True)
class Workload:
    """What is sent, in this order.

    keys: the names of the jobs by the keys of their messages.
    events: EventBridge events for the bus.
    invalid_records: records for the intake queue that no job can be parsed from.
    refused: the jobs that Slack refuses, with each digest that has one of them.
    """

    keys: Mapping[str, str]
    events: Sequence[Event]
    invalid_records: Sequence[str]
    refused: Sequence[str] = ()

    @property
    def jobs(self) -> Sequence[str]:
        return list(self.keys.values())


def generate_workload(jobs: int, random: Random, queue_arn: str, definition_arn: str) -> Workload:
    """Events of `jobs` array jobs of two children, named "chaos-0001" and so on.

    Each job has events for its children and for states before the end. Some events come twice, and all are shuffled.
    """
    arns = {"queue_arn": queue_arn, "definition_arn": definition_arn}
    keys: dict[str, str] = {}
    timed: list[tuple[float, Event]] = []
    for number in range(1, jobs + 1):
        name = job_name(number)
        parent = _parent(name, random, **arns)
        keys[f"{parent.arn}#{parent.status}"] = name
        events = [_event(parent, Status.RUNNABLE), *(_event(child) for child in parent.children), _event(parent)]
        events += [event for event in events if random.random() < DUPLICATE_SHARE]
        timed += [(number + random.random() * MAX_DELAY * jobs, event) for event in events]
    invalid = [_invalid_record(number, random) for number in range(round(jobs * INVALID_SHARE) or 1)]
    refused = sorted(random.sample(list(keys.values()), round(jobs * REFUSED_SHARE) or 1))
    return Workload(keys, [event for _, event in sorted(timed, key=lambda one: one[0])], invalid, refused)


def job_name(number: int) -> str:
    return f"chaos-{number:04}"


def _parent(name: str, random: Random, queue_arn: str, definition_arn: str) -> ArrayParent:
    now = int(time.time() * 1000)
    spec = JobSpec(
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
    parent = ArrayParent(spec, str(uuid.UUID(int=random.getrandbits(128), version=4)), 0, now - 60_000, {})
    failed = random.choice((1, 2)) if random.random() < FAILED_SHARE else 0
    parent.status = Status.FAILED if failed else Status.SUCCEEDED
    parent.counts.clear()
    parent.counts.update({Status.SUCCEEDED: 2 - failed, Status.FAILED: failed})
    for child in parent.children:
        child.status = Status.FAILED if (child.index or 0) < failed else Status.SUCCEEDED
    return parent


def _event(job: Job, status: Status | None = None) -> Event:
    detail = event_detail(job) | ({"status": str(status)} if status else {})
    return {"source": "aws.batch", "detail-type": DetailType.JOB_STATE_CHANGE, "resources": [job.arn], "detail": detail}


def _invalid_record(number: int, random: Random) -> str:
    """Each is unique, so that the audit can count copies."""
    texts = (f"no JSON {number}", json.dumps([number]), json.dumps({"source": "aws.ec2", "id": str(number)}))
    return random.choice(texts)
