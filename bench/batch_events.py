"""Makes events of finished array jobs as AWS shapes them per platform: those of tests/events with other values."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ARN_PREFIX = "arn:aws:batch:us-east-1:123456789012"
EVENTS = Path(__file__).resolve().parents[1] / "tests" / "events"
Event = dict[str, Any]


@cache
def _read(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")


def parent_event(name: str, *, size: int = 7, failed: int = 0, queue: str = "", job_id: str = "") -> Event:
    """Make the event of a finished array's parent.

    name: of the job
    size: number of children
    failed: number of failed children
    queue: ARN of the job queue; by default that of the event file
    job_id: by default a new one
    """
    event: Event = json.loads(_read("parent-failed" if failed else "parent-succeeded"))
    detail = event["detail"]
    job_id = job_id or str(uuid.uuid4())
    detail |= {"jobName": name, "jobId": job_id, "jobArn": f"{ARN_PREFIX}:job/{job_id}"}
    detail |= {"jobQueue": queue} if queue else {}
    detail["arrayProperties"] |= {"size": size}
    detail["arrayProperties"]["statusSummary"] |= {"SUCCEEDED": size - failed, "FAILED": failed}
    event["resources"] = [detail["jobArn"]]
    return event


def child_events(parent: Event, platform: str) -> Iterator[Event]:
    """Make the events of all children of a finished array. The last of the failed ones failed before it was placed.

    parent: the parent's event
    platform: "EC2" or "FARGATE"
    """
    array = parent["detail"]["arrayProperties"]
    failed: int = array["statusSummary"]["FAILED"]
    for index in range(array["size"]):
        event = _child(platform, "unplaced" if index == failed - 1 else "failed" if index < failed else "succeeded")
        detail = event["detail"]
        job_id = f"{parent['detail']['jobId']}:{index}"
        detail |= {name: parent["detail"][name] for name in ("jobName", "jobQueue", "jobDefinition")}
        detail |= {"jobId": job_id, "jobArn": f"{ARN_PREFIX}:job/{job_id}"}
        detail["arrayProperties"] = {"index": index, "statusSummary": {}}
        event["resources"] = [detail["jobArn"]]
        yield event


def _child(platform: str, ending: str) -> Event:
    placed = {"EC2": "child-failed-ec2", "FARGATE": "child-failed-fargate"}[platform]
    event: Event = json.loads(_read("child-failed-before-placement" if ending == "unplaced" else placed))
    if ending == "succeeded":
        event["detail"] |= {"status": "SUCCEEDED"}
        event["detail"]["container"] |= {"exitCode": 0}
    return event


def failed_child_summaries(job_id: str, number: int, reasons: int) -> Sequence[Mapping[str, Any]]:
    """Make summaries of failed children as ListJobs returns them, with so many different reasons."""
    return [
        {
            "jobArn": f"{ARN_PREFIX}:job/{job_id}:{index}",
            "jobId": f"{job_id}:{index}",
            "jobName": "bench",
            "createdAt": 1763607600123,
            "startedAt": 1763608000000,
            "stoppedAt": 1763608300000,
            "status": "FAILED",
            "statusReason": "Essential container in task exited",
            "container": {"exitCode": 1, "reason": f"OutOfMemoryError: {index % reasons} killed due to memory usage"},
            "arrayProperties": {"index": index},
        }
        for index in range(number)
    ]


def sqs_records(*events: Event) -> Event:
    """Make the function's input: events as SQS records, as the event source mapping sends them."""
    return {
        "Records": [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": "bench",
                "body": json.dumps(event),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:bench-intake",
                "awsRegion": "us-east-1",
            }
            for event in events
        ]
    }
