"""One message of each kind, from the events in tests/events; they do not depend on the time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from batchbell.contract import Command, Fact, Message, Progress, Severity
from batchbell.dispatcher.delivery.sender import MAY_BE_A_REPEAT
from batchbell.dispatcher.messages.channel_test import compose_self_test
from batchbell.dispatcher.messages.dead_channel import DeadChannel, compose_dead_channel
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.messages.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.log_end import NO_LOGS, LogReader
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.messages.queue_blocked import compose_blocked
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.self_test import SelfTest
from batchbell.dispatcher.timing import Deadline
from batchbell.wire import BOARD, MessageKind, Status

EVENTS = Path(__file__).parents[1] / "events"
HOME = Origin("production", "production-dispatcher-1a2b3c4", ZoneInfo("Europe/Berlin"))


def messages() -> Mapping[str, Message]:
    """Return the messages by their names."""
    some_failed = _array("parent-failed", {2: 1, 5: 1, 6: 137})
    all_failed = {"statusSummary": {"SUCCEEDED": 0, "FAILED": 7}, "size": 7}
    single = _job("single-failed")
    single_succeeded = _job(
        "single-failed", status="SUCCEEDED", container={"exitCode": 0, "logStreamName": "render/default/77aa0c"}
    )
    succeeded = compose(_job("parent-succeeded"), Failures(), HOME.zone)
    blocked = compose_blocked(BlockedQueue.from_event(_event("queue-blocked")), HOME.zone)
    return {
        "array-succeeded": succeeded,
        "array-some-failed": some_failed,
        "array-all-failed": _array("parent-failed", dict.fromkeys(range(7), 1), arrayProperties=all_failed),
        "array-with-owner-and-logs": _array(
            "parent-failed", {2: 1, 5: 1, 6: 137}, _LOGS, tags={"owner": "alice@example.com", "team": "render"}
        ),
        "array-counts-lag": _array("parent-failed-counts-lag", {2: 1}),
        "single-succeeded": compose(single_succeeded, Failures(), HOME.zone),
        "single-failed": compose(single, failure_of(single), HOME.zone).with_note(MAY_BE_A_REPEAT),
        "queue-blocked": blocked,
        "digest": compose_digest([succeeded, some_failed, blocked], [False, True, False]),
        "dead-channel": compose_dead_channel(
            DeadChannel("ops", 1_763_608_365.0, "Slack answered 404 no_service"), HOME
        ),
        "early-failures": _warning(some_failed),
        "progress": _progress(succeeded),
        "test": compose_self_test(SelfTest("5d0b4c1e-6f0a-4c55-9d52-0d8f3b0c7a11", (), 1_763_608_365.0), HOME),
    }


def _warning(failed: Message) -> Message:
    """A warning about the job while it runs, with the command that ends it."""
    job = failed.thread.rpartition("/")[2]
    return replace(
        failed,
        key=f"{failed.thread}#{Status.EARLY}",
        kind=MessageKind.EARLY_FAILURES,
        status=Status.EARLY,
        severity=Severity.WARNING,
        title=f"{failed.job_name} runs, and many of its children fail: 4 of the first 5",
        commands=(Command("To end the job", f"aws batch terminate-job --job-id {job} --reason 'early failures'"),),
    )


def _progress(finished: Message) -> Message:
    """What a live message shows while the job runs."""
    return replace(
        finished,
        key=f"{finished.thread}{BOARD}",
        kind=MessageKind.PROGRESS,
        status=Status.RUNNING,
        severity=Severity.INFO,
        title=f"{finished.job_name} is running: 120 of 10,000 children done, 3 failed",
        summary=f"Array job on {finished.queue}, about 2 h left",
        facts=(Fact("Running", "64"), Fact("Waiting", "9,816")),
        progress=Progress(10_000, 120, 3, 184),
    )


def _event(file: str, **detail: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{file}.json").read_text("utf-8"))
    event["detail"] |= detail
    return event


def _job(file: str, **detail: Any) -> Job:
    return Job.from_event(_event(file, **detail))


class _Logs:
    """A fake client of CloudWatch Logs: child 2 printed something, child 6 nothing."""

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        printed = ("loading scene 2", "  token=tr0ub4dor", "Error: <scene> has no camera & no light", "no colour left")
        return {"events": [{"message": line} for line in printed if request["logStreamName"].endswith("/2")]}


_LOGS = LogReader(3, lambda region: _Logs())


def _array(file: str, exit_codes: Mapping[int, int], logs: LogReader = NO_LOGS, **detail: Any) -> Message:
    """Compose the message of an array in which these children failed."""
    job = _job(file, **detail)
    failures = look_up_failures(job, _Batch(exit_codes), LookUpBudget(Deadline.after(60)), logs)
    return compose(job, failures, HOME.zone, "owner")


class _Batch:
    """A fake Batch client with these failed children."""

    def __init__(self, exit_codes: Mapping[int, int]) -> None:
        self._exit_codes = exit_codes

    def list_jobs(self, **request: Any) -> dict[str, Any]:
        children = [
            {
                "jobId": f"{request['arrayJobId']}:{index}",
                "statusReason": "Essential container in task exited",
                "container": {"exitCode": code},
                "arrayProperties": {"index": index},
            }
            for index, code in self._exit_codes.items()
        ]
        return {"jobSummaryList": children}

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {
            "jobs": [
                {"jobId": job, "container": {"logStreamName": f"render/default/{job.rpartition(':')[2]}"}}
                for job in jobs
            ]
        }
