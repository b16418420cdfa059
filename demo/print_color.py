"""Deploys a stack to local AWS, runs one array job, and counts what AWS and the channels really saw."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment, deploy, this_machine
from batchbell_local.slack.sink import SlackSink

STACK = "print-color"
SENDER = "batch@example.com"
FINISHED = ["SUCCEEDED", "FAILED"]
PATIENCE = 60.0  # seconds for the job, and a quarter more a thousand children
CHANNEL_PATIENCE = 10.0  # seconds between the function's end and the last channel

Report = Callable[[str, int, int | None], None]  # what is going on, how many are done, of how many


class RehearsalFailed(Exception):
    """Something did not come to its end in time; the text says what."""


@dataclass(frozen=True)
class Received:
    """What the channels hold: Slack's payloads, the mailbox's mails, the topic's notifications."""

    slack: Sequence[Mapping[str, Any]]
    email: Sequence[Mapping[str, Any]]
    sns: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Rehearsal:
    """One platform's run. `fired`: how often each rule fired on the same events. `seconds`: by step."""

    platform: str
    children: int
    events: int
    fired: Mapping[str, int]
    received: Received
    seconds: Mapping[str, float]

    @property
    def messages(self) -> dict[str, int]:
        return {name: len(getattr(self.received, name)) for name in ("slack", "email", "sns")}

    def to_dict(self) -> dict[str, Any]:
        return {
            "platform": self.platform,
            "children": self.children,
            "events": self.events,
            "fired": dict(self.fired),
            "messages": self.messages,
            "seconds": {step: round(seconds, 2) for step, seconds in self.seconds.items()},
        }

    def wrong(self) -> list[str]:
        """The numbers that are not as they must be. On Fargate the tutorial's filter fires for every child too."""
        finished = self.children + 1
        expected = {
            "events": (self.events, finished),
            "every-job": (self.fired["every-job"], finished),
            "tutorial": (self.fired["tutorial"], finished if self.platform == "FARGATE" else 1),
            "parent-only": (self.fired["parent-only"], 1),
            **{name: (number, 1) for name, number in self.messages.items()},
        }
        return [f"{name}: {got}, not {want}" for name, (got, want) in expected.items() if got != want]


def rehearse(
    program: Path,
    platform: str,
    *,
    size: int = 7,
    fail: Sequence[int] = (),
    report: Report = lambda what, done, total: None,
    before_the_job: Callable[[LocalCloud, SlackSink], None] = lambda cloud, sink: None,
) -> Rehearsal:
    """Run the print-color stack of `program` on `platform` ("EC2", "FARGATE") in a local AWS of its own.

    `fail`: indexes of children that end with exit code 1. `before_the_job` runs after the deployment. Raises
    DeploymentFailed, LocalCloudError or RehearsalFailed; whatever was started is stopped in any case.
    """
    clock = _Clock()
    report("local AWS", 0, None)
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        clock.lap("start")
        verify_sender(cloud)
        deployment = deploy_print_color(cloud, program, sink, {"environment_platform": platform}, report)
        counters = _Counters(cloud, deployment)
        clock.lap("deploy")
        before_the_job(cloud, sink)
        job_id = _submit(cloud, deployment, size, fail)
        _wait_for_job(cloud, job_id, size, report)
        clock.lap("job")
        _wait_for_messages(cloud, deployment, counters, sink, report)
        clock.lap("notify")
        return Rehearsal(
            platform,
            size,
            counters.count("events"),
            {rule: counters.count(rule) for rule in ("every-job", "tutorial", "parent-only")},
            Received(sink.accepted, cloud.mailbox(), counters.notifications()),
            clock.seconds(),
        )


def deploy_print_color(
    cloud: LocalCloud,
    program: Path,
    sink: SlackSink,
    config: Mapping[str, Any],
    report: Report = lambda what, done, total: None,
) -> Deployment:
    """The stack as users deploy it, with what differs here: this machine's Python and processor, the sink as Slack,
    and `config`."""
    created = 0

    def progress(_: object) -> None:
        nonlocal created
        created += 1
        report("deploying", created, None)

    report("deploying", 0, None)
    return deploy(
        cloud.environment(),
        program,
        STACK,
        config={**config, **this_machine()},
        secrets={"slackWebhook": sink.url},
        on_progress=progress,
    )


def verify_sender(cloud: LocalCloud) -> None:
    """What the owner of an account does once: tell SES which address may send."""
    cloud.client("sesv2").create_email_identity(EmailIdentity=SENDER)


def job_queue_arn(cloud: LocalCloud, deployment: Deployment) -> str:
    """Of the stack's own job queue."""
    names = [deployment.outputs["job_queue_name"]]
    return str(cloud.client("batch").describe_job_queues(jobQueues=names)["jobQueues"][0]["jobQueueArn"])


def other_rules(queue_arn: str) -> dict[str, dict[str, Any]]:
    """What people use instead of the stack's rule, as patterns: "events" is everything that has finished, "every-job"
    the plain rule, "tutorial" the filter that is widely copied."""
    detail = {"status": FINISHED, "jobQueue": [queue_arn]}
    container = {"containerInstanceArn": [{"exists": False}]}
    every_job = {"source": ["aws.batch"], "detail-type": ["Batch Job State Change"], "detail": detail}
    return {
        "events": {"source": ["aws.batch"], "detail": {"status": FINISHED}},
        "every-job": every_job,
        "tutorial": {**every_job, "detail": {**detail, "container": container}},
    }


class _Clock:
    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name], self._last = now - self._last, now

    def seconds(self) -> Mapping[str, float]:
        return {**self._laps, "total": time.monotonic() - self._start}


class _Counters:
    """Queues beside the stack that count: two other rules on the same bus, the stack's own rule, its own topic."""

    def __init__(self, cloud: LocalCloud, deployment: Deployment) -> None:
        outputs = deployment.outputs
        patterns = other_rules(job_queue_arn(cloud, deployment))
        rules = {"parent-only": outputs["rule_arn"].rpartition("/")[2]}
        for name, pattern in patterns.items():
            rules[name] = f"count-{name}"
            cloud.client("events").put_rule(Name=rules[name], EventPattern=json.dumps(pattern))
        self._fired = {name: CollectingQueue.of_rule(cloud, f"count-{name}", rule) for name, rule in rules.items()}
        self._topic = CollectingQueue.of_topic(cloud, "subscriber", outputs["notifiers"]["sns"]["topic_arn"])

    def count(self, name: str) -> int:
        """How many messages have come into the counting queue so far."""
        return len(self._fired[name].bodies())

    def notifications(self) -> list[dict[str, Any]]:
        """What the topic's subscriber got: SNS's envelopes."""
        return [json.loads(body) for body in self._topic.bodies()]


def _submit(cloud: LocalCloud, deployment: Deployment, size: int, fail: Sequence[int]) -> str:
    batch, outputs = cloud.client("batch"), deployment.outputs
    overrides: dict[str, Any] = {}
    if fail:
        name = outputs["job_definition_name"]
        definition = batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"][0]
        *shell, script = definition["containerProperties"]["command"]
        indexes = " ".join(map(str, fail))
        failing = f'case " {indexes} " in *" $AWS_BATCH_JOB_ARRAY_INDEX "*) echo "no colour left" >&2; exit 1;; esac'
        overrides = {"containerOverrides": {"command": [*shell, f"{failing}\n{script}"]}}
    job = batch.submit_job(
        jobName="print-color",
        jobQueue=outputs["job_queue_name"],
        jobDefinition=outputs["job_definition_name"],
        arrayProperties={"size": size},
        **overrides,
    )
    return str(job["jobId"])


def _wait_for_job(cloud: LocalCloud, job_id: str, size: int, report: Report) -> None:
    ends = time.monotonic() + PATIENCE + size / 4000 * PATIENCE
    while time.monotonic() < ends:
        job = cloud.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        summary = job["arrayProperties"].get("statusSummary", {})
        report("children", sum(summary.get(status, 0) for status in FINISHED), size)
        if job["status"] in FINISHED:
            return
        time.sleep(0.05)
    raise RehearsalFailed(f"the array job of {size} children did not end in time")


def _wait_for_messages(
    cloud: LocalCloud, deployment: Deployment, counters: _Counters, sink: SlackSink, report: Report
) -> None:
    """Until the function is done with the event, and every channel has a message or its notifier a ticket."""
    outputs = deployment.outputs
    report("messages", 0, 3)
    _until(lambda: counters.count("parent-only") > 0, PATIENCE, "the rule did not fire")
    _until(lambda: in_queue(cloud, outputs["intake_queue_url"]) == 0, PATIENCE, "the function did not take the event")

    def all_told() -> bool:
        undelivered = in_queue(cloud, outputs["retry_queue_url"]) + in_queue(cloud, outputs["dead_letter_queue_url"])
        told = [bool(sink.accepted), bool(cloud.mailbox()), bool(counters.notifications())]
        report("messages", sum(told), len(told))
        return sum(told) + undelivered >= len(told)

    _until(all_told, CHANNEL_PATIENCE, "a channel got nothing, and there is no ticket for it")


def _until(condition: Callable[[], bool], patience: float, complaint: str) -> None:
    ends = time.monotonic() + patience
    while not condition():
        if time.monotonic() > ends:
            raise RehearsalFailed(f"{complaint} within {patience:g} s")
        time.sleep(0.05)


def in_queue(cloud: LocalCloud, url: str) -> int:
    """How many messages a queue holds: those that wait, are being worked on, or are delayed."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)
