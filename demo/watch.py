"""Runs a larger array whose first children fail, on a stack that looks at it while it runs; an hour takes seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment
from batchbell_local.slack.channel_history import SlackMessage
from batchbell_local.slack.web_api import SlackWebApi
from demo.print_color import (
    CHANNEL_TIMEOUT,
    SENDER,
    TIMEOUT,
    ChannelMessages,
    Counters,
    PlatformRun,
    ReportProgress,
    Stopwatch,
    deploy_print_color,
    ignore_progress,
    until,
)
from demo.watched import WARNINGS, Watched

SIZE = 200
SMALLEST = 50  # children: a tenth fails, and five failures are the least that is warned of
FAILING = 10  # a child of so many fails: the first ones
LENGTH = 50  # minutes in which children start, as many in each
EACH = 5  # minutes that a child takes
EVERY = 5  # minutes between two looks at the job
JOB = "print-color"

Say = Callable[[str], None]


def say_nothing(text: str) -> None:
    """Show nothing."""


def run_watched(
    program: Path, platform: str, *, size: int = SIZE, report: ReportProgress = ignore_progress, say: Say = say_nothing
) -> PlatformRun:
    """Deploy the print-color stack to a new local AWS, with a bot in Slack and warnings, and run one array job on it.

    The first tenth of the children fails. Children have no processes, and the clock is moved.

    program: the folder of the Pulumi program.
    platform: "EC2" or "FARGATE".
    say: called with what Slack shows, whenever it changes.

    Raises DeploymentFailed, LocalCloudError or RunFailed. Stops whatever it started in any case.
    """
    clock = Stopwatch()
    report("local AWS", 0, None)
    with LocalCloud.start() as cloud, SlackWebApi.start() as slack:
        clock.lap("start")
        cloud.verify_sender(SENDER)
        secrets = {"slackToken": slack.token}
        deployment = deploy_print_color(cloud, program, secrets, _settings(slack, platform), report)
        cloud.collect_quiet_queues_for(0)
        counters = Counters(cloud, deployment)
        clock.lap("deploy")
        slack.on_executed(lambda method, message: say(_shown(message)))
        _run_children(cloud, deployment, size, report)
        clock.lap("job")
        _wait_for_outcome(cloud, counters, slack, report)
        clock.lap("notify")
        return _result(platform, size, cloud, counters, slack, clock.seconds())


def _settings(slack: SlackWebApi, platform: str) -> Mapping[str, Any]:
    bot = {"token": {"config": "slackToken"}, "channel": slack.channel, "api": slack.url}
    return {
        "environment_platform": platform,
        "watch_every": EVERY,
        "early_failures": {"percent": 20, "at_least": 5},
        "log_lines": 0,
        "notifiers": [
            {"type": "slack", "name": "slack", **bot},
            {"type": "email", "name": "email", "sender": SENDER, "recipients": ["team@example.com"]},
            {"type": "sns", "name": "sns"},
        ],
    }


def _run_children(cloud: LocalCloud, deployment: Deployment, size: int, report: ReportProgress) -> None:
    """Let the children start, run and end, minute by minute."""
    outputs = deployment.outputs
    cloud.jobs.hold(cloud.job_queue_arn(outputs["job_queue_name"]))
    job = cloud.client("batch").submit_job(
        jobName=JOB,
        jobQueue=outputs["job_queue_name"],
        jobDefinition=outputs["job_definition_name"],
        arrayProperties={"size": size},
    )["jobId"]
    started = done = 0
    for minute in range(1, LENGTH + EACH + 1):
        now_started, now_done = size * min(minute, LENGTH) // LENGTH, size * max(0, minute - EACH) // LENGTH
        failing = max(0, min(now_done, size // FAILING) - done)
        cloud.jobs.move(job, "RUNNING", now_started - started)
        cloud.jobs.move(job, "FAILED", failing)
        cloud.jobs.move(job, "SUCCEEDED", now_done - done - failing)
        started, done = now_started, now_done
        report("children", done, size)
        cloud.move_time(60)
        until(partial(_is_idle, cloud, outputs["intake_queue_url"]), TIMEOUT, "the function did not look at the job")


def _is_idle(cloud: LocalCloud, queue_url: str) -> bool:
    return cloud.message_count(queue_url) == 0


def _wait_for_outcome(cloud: LocalCloud, counters: Counters, slack: SlackWebApi, report: ReportProgress) -> None:
    """Wait until each channel has a message about the end."""

    def all_notified() -> bool:
        sns = [json.loads(one["Message"])["status"] for one in counters.notifications()]
        has = [_is_at_its_end(slack), len(cloud.mailbox()) > 1, "FAILED" in sns]
        report("messages", sum(has), len(has))
        return all(has)

    until(all_notified, CHANNEL_TIMEOUT, "a channel was not told of the end")


def _is_at_its_end(slack: SlackWebApi) -> bool:
    """Whether the board and its thread tell of the end."""
    first = next((one for one in slack.messages if not one.thread_ts), None)
    return bool(first and "failed:" in first.shown.text and any(one.is_broadcast for one in slack.messages))


def _result(
    platform: str,
    size: int,
    cloud: LocalCloud,
    counters: Counters,
    slack: SlackWebApi,
    seconds: Mapping[str, float],
) -> PlatformRun:
    notifications = counters.notifications()
    published = [json.loads(one["Message"]) for one in notifications]
    titles = {one["title"]: one["status"] for one in published}
    replies = [one for one in slack.messages if one.thread_ts]
    mails = cloud.mailbox()
    statuses = {
        "slack": [_status_of(one.shown.text, titles) for one in replies],
        "email": [_status_of(mail["Subject"], titles) for mail in mails],
        "sns": [one["status"] for one in published],
    }
    return PlatformRun(
        platform,
        size,
        counters.count("events"),
        {rule: counters.count(rule) for rule in ("every-job", "tutorial", "parent-only")},
        ChannelMessages([_payload(one) for one in replies], mails, notifications),
        seconds,
        watched=Watched(
            {channel: [one for one in found if one in WARNINGS] for channel, found in statuses.items()},
            slack.history.board(JOB),
        ),
    )


def _status_of(text: str, titles: Mapping[str, str]) -> str:
    return next((status for title, status in titles.items() if title in text), "")


def _payload(message: SlackMessage) -> dict[str, Any]:
    return {"text": message.shown.text, "blocks": message.shown.blocks}


def _shown(message: SlackMessage) -> str:
    place = "in its thread" if message.thread_ts else f"edit {message.edits}" if message.edits else "posted"
    title, _, _ = message.shown.text.partition("\n")
    return f"Slack, {place}: {title}"
