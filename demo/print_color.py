"""Deploys the print-color stack to local AWS, runs one array job, and counts what AWS and the channels received."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batchbell.wire import DetailType
from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment, deploy, this_machine
from batchbell_local.slack.sink import SlackSink
from demo.rerun import RerunFailed, RerunResult, failure_cause, run_failed_again
from demo.watched import Watched

STACK = "print-color"
SENDER = "batch@example.com"
FINISHED = ["SUCCEEDED", "FAILED"]
TIMEOUT = 60.0  # seconds for the job; a quarter of this more per 1,000 children
CHANNEL_TIMEOUT = 10.0  # seconds from the end of the function until the last channel has its message

ReportProgress = Callable[[str, int, int | None], None]  # the step, how many are done, of how many


class RunFailed(Exception):
    """A step did not finish in time; the text says which."""


@dataclass(frozen=True)
class ChannelMessages:
    """What the channels received: Slack payloads, mails, SNS notifications."""

    slack: Sequence[Mapping[str, Any]]
    email: Sequence[Mapping[str, Any]]
    sns: Sequence[Mapping[str, Any]]

    def texts(self) -> dict[str, list[str]]:
        """What a reader sees of each message: Slack's blocks as lines, the mail's text, what a program receives."""
        return {
            "slack": [text_of(payload) for payload in self.slack],
            "email": [mail["BodyText"].replace("\r\n", "\n") for mail in self.email],
            "sns": [notification["Message"] for notification in self.sns],
        }


def text_of(payload: Mapping[str, Any]) -> str:
    """All texts in the blocks of a Slack payload, each on a line, in their order."""

    def texts(part: Any) -> Iterator[str]:
        if isinstance(part, list):
            for one in part:
                yield from texts(one)
        elif isinstance(part, dict):
            if isinstance(text := part.get("text"), str):
                yield text
            for one in part.values():
                yield from texts(one)

    return "\n".join(texts(payload.get("blocks", [])))


@dataclass(frozen=True)
class PlatformRun:
    """The counts of one run. `fired`: how often each rule fired on the same events. `seconds`: by step.

    rerun: of the failed children, if one was asked for; the counts are those before it.
    watched: what was told while the job ran, if its stack was asked to look.
    """

    platform: str
    children: int
    events: int
    fired: Mapping[str, int]
    received: ChannelMessages
    seconds: Mapping[str, float]
    rerun: RerunResult | None = None
    watched: Watched | None = None

    @property
    def messages(self) -> dict[str, int]:
        """How many of them tell of the end."""
        received = {name: len(getattr(self.received, name)) for name in ("slack", "email", "sns")}
        return {name: number - (self.watched.before(name) if self.watched else 0) for name, number in received.items()}

    def to_dict(self) -> dict[str, Any]:
        return {
            "platform": self.platform,
            "children": self.children,
            "events": self.events,
            "fired": dict(self.fired),
            "messages": self.messages,
            "received": self.received.texts(),
            "seconds": {step: round(seconds, 2) for step, seconds in self.seconds.items()},
            **({"rerun": self.rerun.to_dict()} if self.rerun else {}),
            **(self.watched.to_dict() if self.watched else {}),
        }

    def wrong_counts(self) -> list[str]:
        """The counts that differ from the expected ones. On Fargate the tutorial's filter matches every child too."""
        finished = self.children + 1
        expected = {
            "events": (self.events, finished),
            "every-job": (self.fired["every-job"], finished),
            "tutorial": (self.fired["tutorial"], finished if self.platform == "FARGATE" else 1),
            "parent-only": (self.fired["parent-only"], 1),
            **{name: (number, 1) for name, number in self.messages.items()},
        }
        if self.rerun:
            expected["rerun"] = (self.rerun.succeeded, len(self.rerun.indexes))
        if self.watched:
            expected |= self.watched.expected()
        return [f"{name}: {got}, not {want}" for name, (got, want) in expected.items() if got != want]


def ignore_progress(step: str, done: int, total: int | None) -> None:
    """A ReportProgress that shows nothing."""


def run_print_color(
    program: Path,
    platform: str,
    *,
    size: int = 7,
    fail: Sequence[int] = (),
    rerun: bool = False,
    report: ReportProgress = ignore_progress,
    before_the_job: Callable[[LocalCloud, SlackSink], None] = lambda cloud, sink: None,
) -> PlatformRun:
    """Deploy the print-color stack to a new local AWS and run one array job on it.

    program: the folder of the Pulumi program.
    platform: "EC2" or "FARGATE".
    fail: indexes of the children that end with exit code 1.
    rerun: remove what lets them fail, and run them again.
    before_the_job: called after the deployment.

    Raises DeploymentFailed, LocalCloudError or RunFailed. Stops whatever it started in any case.
    """
    clock = Stopwatch()
    report("local AWS", 0, None)
    with LocalCloud.start() as cloud, SlackSink.start() as sink, failure_cause() as cause:
        clock.lap("start")
        cloud.verify_sender(SENDER)
        deployment = deploy_print_color(
            cloud, program, {"slackWebhook": sink.url}, {"environment_platform": platform}, report
        )
        counters = Counters(cloud, deployment)
        clock.lap("deploy")
        before_the_job(cloud, sink)
        job_id = _submit(cloud, deployment, size, fail, cause)
        _wait_for_job(cloud, job_id, size, report)
        clock.lap("job")
        _wait_for_messages(cloud, deployment, counters, sink, report)
        clock.lap("notify")
        run = PlatformRun(
            platform,
            size,
            counters.count("events"),
            {rule: counters.count(rule) for rule in ("every-job", "tutorial", "parent-only")},
            ChannelMessages(list(sink.accepted), cloud.mailbox(), counters.notifications()),
            clock.seconds(),
        )
        if not rerun:
            return run
        cause.unlink()
        report("rerun", 0, None)
        try:
            result = run_failed_again(cloud, program, job_id)
        except RerunFailed as failed:
            raise RunFailed(str(failed)) from None
        clock.lap("rerun")
        return replace(run, rerun=result, seconds=clock.seconds())


def deploy_print_color(
    cloud: LocalCloud,
    program: Path,
    secrets: Mapping[str, str],
    config: Mapping[str, Any],
    report: ReportProgress = ignore_progress,
) -> Deployment:
    """Deploy the stack as users do, but for this machine's Python and processor.

    secrets: such as `slackWebhook`, the sink's address.
    config: overrides the stack's own.
    """
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
        secrets=secrets,
        on_progress=progress,
    )


def describe_job_definition(cloud: LocalCloud, deployment: Deployment) -> dict[str, Any]:
    """The active revision of the stack's job definition, as DescribeJobDefinitions returns it."""
    name = deployment.outputs["job_definition_name"]
    (active,) = cloud.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")[
        "jobDefinitions"
    ]
    return dict(active)


def other_rules(queue_arn: str) -> dict[str, dict[str, Any]]:
    """The patterns that people use instead of the stack's rule, to compare with.

    events: everything of AWS Batch that has finished.
    every-job: each finished job, children included.
    tutorial: the widely copied filter on containerInstanceArn.
    """
    detail = {"status": FINISHED, "jobQueue": [queue_arn]}
    container = {"containerInstanceArn": [{"exists": False}]}
    every_job = {"source": ["aws.batch"], "detail-type": [DetailType.JOB_STATE_CHANGE], "detail": detail}
    return {
        "events": {"source": ["aws.batch"], "detail": {"status": FINISHED}},
        "every-job": every_job,
        "tutorial": {**every_job, "detail": {**detail, "container": container}},
    }


class Stopwatch:
    """Measures the seconds of each step, and of all together."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name], self._last = now - self._last, now

    def seconds(self) -> Mapping[str, float]:
        return {**self._laps, "total": time.monotonic() - self._start}


class Counters:
    """Queues that count what the stack's rule, three other rules on the same bus and the stack's topic send."""

    def __init__(self, cloud: LocalCloud, deployment: Deployment) -> None:
        outputs = deployment.outputs
        patterns = other_rules(cloud.job_queue_arn(outputs["job_queue_name"]))
        rules = {"parent-only": outputs["rule_arn"].rpartition("/")[2]}
        for name, pattern in patterns.items():
            rules[name] = f"count-{name}"
            cloud.client("events").put_rule(Name=rules[name], EventPattern=json.dumps(pattern))
        self._fired = {name: CollectingQueue.of_rule(cloud, f"count-{name}", rule) for name, rule in rules.items()}
        self._topic = CollectingQueue.of_topic(cloud, "subscriber", outputs["notifiers"]["sns"]["topic_arn"])

    def count(self, name: str) -> int:
        """How often the rule has fired so far."""
        return len(self._fired[name].bodies())

    def notifications(self) -> list[dict[str, Any]]:
        """The SNS envelopes that the topic's subscriber has received so far."""
        return [json.loads(body) for body in self._topic.bodies()]


def _submit(cloud: LocalCloud, deployment: Deployment, size: int, fail: Sequence[int], cause: Path) -> str:
    """`cause`: a file without which no child fails."""
    batch, outputs = cloud.client("batch"), deployment.outputs
    overrides: dict[str, Any] = {}
    if fail:
        *shell, script = describe_job_definition(cloud, deployment)["containerProperties"]["command"]
        indexes = " ".join(map(str, fail))
        chosen = f'case " {indexes} " in *" $AWS_BATCH_JOB_ARRAY_INDEX "*) echo "no colour left" >&2; exit 1;; esac'
        failing = f"if [ -e {shlex.quote(str(cause))} ]; then {chosen}; fi"
        overrides = {"containerOverrides": {"command": [*shell, f"{failing}\n{script}"]}}
    job = batch.submit_job(
        jobName="print-color",
        jobQueue=outputs["job_queue_name"],
        jobDefinition=outputs["job_definition_name"],
        arrayProperties={"size": size},
        **overrides,
    )
    return str(job["jobId"])


def _wait_for_job(cloud: LocalCloud, job_id: str, size: int, report: ReportProgress) -> None:
    def has_finished() -> bool:
        job = cloud.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        summary = job["arrayProperties"].get("statusSummary", {})
        report("children", sum(summary.get(status, 0) for status in FINISHED), size)
        return job["status"] in FINISHED

    until(has_finished, TIMEOUT + size / 4000 * TIMEOUT, f"the array job of {size} children did not finish")


def _wait_for_messages(
    cloud: LocalCloud, deployment: Deployment, counters: Counters, sink: SlackSink, report: ReportProgress
) -> None:
    """Wait until the function has processed the event, and each channel has a message or its notifier a ticket."""
    outputs = deployment.outputs
    report("messages", 0, 3)
    until(lambda: counters.count("parent-only") > 0, TIMEOUT, "the rule did not fire")
    until(
        lambda: cloud.message_count(outputs["intake_queue_url"]) == 0, TIMEOUT, "the function did not process the event"
    )

    def all_accounted_for() -> bool:
        tickets = sum(cloud.message_count(outputs[f"{name}_queue_url"]) for name in ("retry", "dead_letter"))
        notified = [bool(sink.accepted), bool(cloud.mailbox()), bool(counters.notifications())]
        report("messages", sum(notified), len(notified))
        return sum(notified) + tickets >= len(notified)

    until(all_accounted_for, CHANNEL_TIMEOUT, "a channel received nothing, and there is no ticket for it")


def until(condition: Callable[[], bool], timeout: float, complaint: str) -> None:
    """Wait until the condition is true. Raises RunFailed with the complaint after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise RunFailed(f"{complaint} within {timeout:g} s")
        time.sleep(0.05)
