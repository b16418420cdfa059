"""Runs an array of three, one of which fails, and watches it from all sides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .account import Account
from .capture import Capture
from .step import Deadline, StepFailed

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
ENDED = STATUSES[-2:]


def submit(account: Account, outputs: Mapping[str, Any], name: str, size: int, script: str) -> str:
    """Submit an array whose children run a line of sh. Returns the parent's id."""
    job = account.client("batch").submit_job(
        jobName=name,
        jobQueue=outputs["job_queue_name"],
        jobDefinition=outputs["job_definition_name"],
        arrayProperties={"size": size},
        containerOverrides={"command": ["sh", "-c", script]},
        timeout={"attemptDurationSeconds": 300},
    )
    return str(job["jobId"])


def watch(
    account: Account, outputs: Mapping[str, Any], job_id: str, capture: Capture, deadline: Deadline, every: float
) -> dict[str, Any]:
    """Look at the job until it has ended and its last event has arrived. Raises StepFailed.

    The findings, also those of a StepFailed: `looks`, each with what ListJobs and DescribeJobs say at that moment; the
    parent's events as they came; how many events the children had, by their status.
    """
    started, looks, events = time.monotonic(), list[dict[str, Any]](), list[dict[str, Any]]()
    while not (looks and looks[-1]["describe_jobs"]["status"] in ENDED and _has_ended(events, job_id)):
        look = _look(account, str(outputs["job_queue_name"]), job_id)
        if not looks or look != {name: looks[-1][name] for name in look}:
            looks.append({"after_seconds": round(time.monotonic() - started, 1), "clock_ms": _now(), **look})
        events += capture.receive()
        try:
            deadline.sleep(every)
        except StepFailed as late:
            raise StepFailed(str(late), describe(job_id, looks, events)) from None
    return describe(job_id, looks, events)


def describe(job_id: str, looks: list[dict[str, Any]], events: list[dict[str, Any]]) -> dict[str, Any]:
    """The findings about a job that has ended."""
    parents = [event for event in events if event["detail"].get("jobId") == job_id]
    children = [event for event in events if str(event["detail"].get("jobId", "")).startswith(f"{job_id}:")]
    listed = [look["list_jobs_pending"] for look in looks if look["list_jobs_pending"] is not None]
    return {
        "job": job_id,
        "parent_statuses_in_events": [event["detail"]["status"] for event in parents],
        "parent_sends_a_pending_event": any(event["detail"]["status"] == "PENDING" for event in parents),
        "child_statuses_in_events": dict(Counter(event["detail"]["status"] for event in children)),
        "list_jobs_had_a_status_summary": any("statusSummary" in one for one in listed),
        "list_jobs_had_its_time": any("statusSummaryLastUpdatedAt" in one for one in listed),
        "looks": looks,
        "parent_events": parents,
        "event_of_a_failed_child": next((one for one in children if one["detail"]["status"] == "FAILED"), None),
    }


def _has_ended(events: list[dict[str, Any]], job_id: str) -> bool:
    return any(event["detail"].get("jobId") == job_id and event["detail"]["status"] in ENDED for event in events)


def _look(account: Account, queue: str, job_id: str) -> dict[str, Any]:
    """What Batch says now: the parent among the queue's PENDING jobs, the parent itself, and the children."""
    batch = account.client("batch")
    pending = batch.list_jobs(jobQueue=queue, jobStatus="PENDING")["jobSummaryList"]
    parent = _job(account, job_id)
    children = {
        status: len(batch.list_jobs(arrayJobId=job_id, jobStatus=status)["jobSummaryList"]) for status in STATUSES
    }
    return {
        "list_jobs_pending": next((one.get("arrayProperties", {}) for one in pending if one["jobId"] == job_id), None),
        "describe_jobs": {
            "status": parent["status"],
            "arrayProperties": parent.get("arrayProperties", {}),
            "times": sorted(name for name in ("createdAt", "startedAt", "stoppedAt") if name in parent),
        },
        "children": {status: number for status, number in children.items() if number},
    }


def wait_until_ended(account: Account, job_id: str, deadline: Deadline, every: float) -> str:
    """Wait for a job's end and return its status. Raises StepFailed."""
    while True:
        status = str(_job(account, job_id)["status"])
        if status in ENDED:
            return status
        deadline.sleep(every)


def _job(account: Account, job_id: str) -> dict[str, Any]:
    """The job, whose status is "" if DescribeJobs does not know it yet."""
    jobs = account.client("batch").describe_jobs(jobs=[job_id])["jobs"]
    return dict(jobs[0]) if jobs else {"status": ""}


def _now() -> int:
    return int(time.time() * 1_000)
