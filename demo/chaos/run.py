"""One chaos run: deploys the stack, lets jobs finish under random faults, and audits the result."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.slack.sink import SlackSink
from batchbell_local.slack.web_api import SlackWebApi
from demo.chaos.audit import Audit, Times, audit_run
from demo.chaos.boards import is_board
from demo.chaos.ending import end_run
from demo.chaos.fault_schedule import INTERVAL, MIN_INTERVALS, FaultSchedule
from demo.chaos.live_jobs import SHARE, LiveJobs
from demo.chaos.releases import Releases
from demo.chaos.stack import Stack
from demo.chaos.workload import Workload, generate_workload, job_name
from demo.print_color import (
    SENDER,
    ReportProgress,
    deploy_print_color,
    describe_job_definition,
    ignore_progress,
    until,
)

FUNCTION_TIMEOUT = 5  # seconds; retries, leases and lifetimes are six times as fast as in a real stack
REAL_TIMEOUT = 30  # seconds, of the function in a real stack
GATHERING = 20  # seconds for which a real stack's mapping may collect tickets, while they are hidden
HOUR = 3_600.0
LIFETIME = 4 * HOUR  # for how long a real stack retries a message
SLOT = 10.0  # seconds; a real stack's tickets become due at multiples of this
JOBS_PER_SECOND = 5
STEP = 0.2  # seconds between two groups of events
BOARDS_TIMEOUT = 240.0  # seconds until the first jobs have their live messages; nothing fails then
STEPS_OF_A_SWEEP = 5  # a real stack sweeps once in some minutes


def run_chaos(program: Path, jobs: int, seed: int, report: ReportProgress = ignore_progress) -> Audit:
    """Let `jobs` jobs finish under the faults that `seed` gives, some before the eyes of sweeps; audit the result.

    Raises DeploymentFailed, LocalCloudError or RunFailed. Stops whatever it started in any case.
    """
    started = time.monotonic()
    random = Random(seed)
    times = _times()
    report("local AWS", 0, None)
    with LocalCloud.start() as cloud, SlackSink.start() as sink, SlackWebApi.start() as web:
        cloud.verify_sender(SENDER)
        deployment = deploy_print_color(
            cloud, program, {"slackWebhook": sink.url, "slackToken": web.token}, _settings(web), report
        )
        topic = CollectingQueue.of_topic(cloud, "subscriber", deployment.outputs["notifiers"]["sns"]["topic_arn"])
        _hide_records_for_less(cloud, deployment.outputs["retry_queue_url"])
        stack = Stack(cloud, sink, web, deployment, topic)
        queue = cloud.job_queue_arn(deployment.outputs["job_queue_name"])
        definition = describe_job_definition(cloud, deployment)["jobDefinitionArn"]
        running = min(jobs - 1, round(jobs * SHARE))
        workload = generate_workload(jobs - running, random, queue, definition)
        names = [job_name(number) for number in range(jobs - running + 1, jobs + 1)]
        live = LiveJobs.plan(cloud, queue, definition, names, random)
        releases = Releases.of(cloud, stack.function)
        intervals = max(MIN_INTERVALS, round(jobs / JOBS_PER_SECOND / INTERVAL))
        _open_boards(stack, live, report)
        with FaultSchedule(stack, random, intervals, workload.refused, releases, times.apart) as faults:
            _send(stack, workload, live, intervals * INTERVAL, report)
            faults.wait()
            ending = end_run(stack, times.lifetime, times.apart, faults.answer_next, report)
        return audit_run(
            replace(workload, keys={**workload.keys, **live.keys}),
            stack.arrived(faults.passed_on),
            stack.web.messages,
            ending,
            list(stack.log()),
            faults.hits,
            faults.kills,
            times,
            seed,
            time.monotonic() - started,
        )


def _settings(web: SlackWebApi) -> Mapping[str, Any]:
    """The stack's own settings, and a bot in Slack, for which the stack looks at the jobs that run."""
    return {
        "function_timeout": FUNCTION_TIMEOUT,
        "notifiers": [
            {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}},
            {
                "type": "slack",
                "name": "bot",
                "token": {"config": "slackToken"},
                "channel": web.channel,
                "api": web.url,
            },
            {"type": "email", "name": "email", "sender": SENDER, "recipients": ["team@example.com"]},
            {"type": "sns", "name": "sns"},
        ],
    }


def _hide_records_for_less(cloud: LocalCloud, retry_queue_url: str) -> None:
    """Scale the seconds of the retry queue's visibility that do not follow the function's timeout by themselves."""
    scaled = math.ceil(6 * FUNCTION_TIMEOUT + GATHERING * FUNCTION_TIMEOUT / REAL_TIMEOUT)
    cloud.client("sqs").set_queue_attributes(QueueUrl=retry_queue_url, Attributes={"VisibilityTimeout": str(scaled)})


def _times() -> Times:
    """Scaled as the function scales its own."""
    scale = FUNCTION_TIMEOUT / REAL_TIMEOUT
    return Times(lifetime=LIFETIME * scale, slot=max(1.0, SLOT * scale), apart=HOUR * scale)


def _open_boards(stack: Stack, live: LiveJobs, report: ReportProgress) -> None:
    """Let the first jobs begin, and sweep until each has its live message. Raises RunFailed if one does not get it."""
    live.advance(0)

    def opened() -> bool:
        boards = sum(map(is_board, stack.web.messages))
        report("boards", boards, live.begun)
        if boards < live.begun:
            stack.sweep()
            time.sleep(STEP * STEPS_OF_A_SWEEP)
        return boards >= live.begun

    until(opened, BOARDS_TIMEOUT, f"not each of {live.begun} running jobs got its live message")


def _send(stack: Stack, workload: Workload, live: LiveJobs, length: float, report: ReportProgress) -> None:
    """Send the whole workload, spread over `length` seconds."""
    invalid = workload.invalid_records
    steps = round(length / STEP)
    invalid_at = {round((number + 0.5) * steps / len(invalid)): text for number, text in enumerate(invalid)}
    begun, sent = time.monotonic(), 0
    for step in range(1, steps + 1):
        upto = len(workload.events) * step // steps
        stack.cloud.raise_events(workload.events[sent:upto])
        sent = upto
        live.advance(step / steps)
        if step % STEPS_OF_A_SWEEP == 0:
            stack.sweep()
        if step in invalid_at:
            stack.put("intake", [invalid_at[step]])
        report("events", sent, len(workload.events))
        time.sleep(max(0.0, begun + step * STEP - time.monotonic()))
