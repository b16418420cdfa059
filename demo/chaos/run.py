"""One chaos run: deploys the stack, lets jobs finish under random faults, and audits the result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment
from batchbell_local.slack.sink import SlackSink
from demo.chaos.audit import Audit, audit_run, strings_in
from demo.chaos.fault_schedule import INTERVAL, MIN_INTERVALS, FaultSchedule
from demo.chaos.workload import Workload, generate_workload
from demo.print_color import (
    SENDER,
    ReportProgress,
    RunFailed,
    deploy_print_color,
    describe_job_definition,
    ignore_progress,
)

FUNCTION_TIMEOUT = 5  # seconds; retries and leases are six times as fast as in a real stack
JOBS_PER_SECOND = 5
STEP = 0.2  # seconds between two groups of events
DRAIN_TIMEOUT = 240.0  # seconds from the last fault until every queue is empty


@dataclass(frozen=True)
class _Stack:
    """The deployed stack with its channels; `topic` collects what its SNS topic publishes."""

    cloud: LocalCloud
    sink: SlackSink
    deployment: Deployment
    topic: CollectingQueue

    def queue_url(self, name: str) -> str:
        return str(self.deployment.outputs[f"{name}_queue_url"])

    def waiting(self) -> int:
        """How many records and tickets are still to be processed."""
        return sum(self.cloud.message_count(self.queue_url(name)) for name in ("intake", "retry"))


def run_chaos(program: Path, jobs: int, seed: int, report: ReportProgress = ignore_progress) -> Audit:
    """Let `jobs` jobs finish under the faults that `seed` gives, and audit the result.

    Raises DeploymentFailed, LocalCloudError or RunFailed. Stops whatever it started in any case.
    """
    started = time.monotonic()
    random = Random(seed)
    report("local AWS", 0, None)
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        cloud.verify_sender(SENDER)
        deployment = deploy_print_color(cloud, program, sink, {"function_timeout": FUNCTION_TIMEOUT}, report)
        topic = CollectingQueue.of_topic(cloud, "subscriber", deployment.outputs["notifiers"]["sns"]["topic_arn"])
        stack = _Stack(cloud, sink, deployment, topic)
        queue = cloud.job_queue_arn(deployment.outputs["job_queue_name"])
        workload = generate_workload(
            jobs, random, queue, describe_job_definition(cloud, deployment)["jobDefinitionArn"]
        )
        intervals = max(MIN_INTERVALS, round(jobs / JOBS_PER_SECOND / INTERVAL))
        with FaultSchedule(cloud, sink, random, intervals) as faults:
            _send(stack, workload, intervals * INTERVAL, report)
            faults.wait()
        _drain(stack, report)
        return audit_run(
            workload,
            _arrived(stack),
            list(_dead_letters(stack)),
            list(_log(stack)),
            faults.hits,
            faults.kills,
            seed,
            time.monotonic() - started,
        )


def _send(stack: _Stack, workload: Workload, length: float, report: ReportProgress) -> None:
    """Send the whole workload, spread over `length` seconds."""
    invalid = workload.invalid_records
    steps = round(length / STEP)
    invalid_at = {round((number + 0.5) * steps / len(invalid)): text for number, text in enumerate(invalid)}
    begun, sent = time.monotonic(), 0
    for step in range(1, steps + 1):
        upto = len(workload.events) * step // steps
        stack.cloud.raise_events(workload.events[sent:upto])
        sent = upto
        if step in invalid_at:
            stack.cloud.client("sqs").send_message(QueueUrl=stack.queue_url("intake"), MessageBody=invalid_at[step])
        report("events", sent, len(workload.events))
        time.sleep(max(0.0, begun + step * STEP - time.monotonic()))


def _drain(stack: _Stack, report: ReportProgress) -> None:
    """Wait until the function has processed every record and ticket."""
    deadline = time.monotonic() + DRAIN_TIMEOUT
    most = 0
    while left := stack.waiting():
        most = max(most, left)
        report("waiting", most - left, most)
        if time.monotonic() > deadline:
            raise RunFailed(f"{left} records and tickets are still waiting {DRAIN_TIMEOUT:g} s after the last fault")
        time.sleep(0.2)
    report("waiting", most, most)


def _arrived(stack: _Stack) -> dict[str, Sequence[Sequence[str]]]:
    """The texts of each message that a channel accepted, by notifier."""
    return {
        "slack": [list(strings_in(payload["blocks"])) for payload in stack.sink.accepted],
        "email": [[mail["Subject"], mail["BodyText"]] for mail in stack.cloud.mailbox()],
        "sns": [list(strings_in(json.loads(json.loads(body)["Message"]))) for body in stack.topic.bodies()],
    }


def _dead_letters(stack: _Stack) -> Iterator[dict[str, Any]]:
    sqs, url = stack.cloud.client("sqs"), stack.queue_url("dead_letter")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield _parse(message["Body"]) or {"raw": message["Body"]}


def _log(stack: _Stack) -> Iterator[dict[str, Any]]:
    """The JSON lines of the function's log."""
    for event in stack.cloud.function_log(stack.deployment.outputs["function_name"]):
        if line := _parse(event["message"]):
            yield line


def _parse(text: str) -> dict[str, Any] | None:
    """The JSON object in `text`; None if it is not one."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
