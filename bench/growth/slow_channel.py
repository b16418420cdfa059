"""Measures whether a fast channel keeps a slow one's pace, and reckons what a queue for each notifier would cost.

A burst of jobs, twice: Slack answers at once, then Slack takes two seconds for each request. When the last job is on
the SNS topic is what the slow channel costs the fast one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.slack.sink import SlackResponse
from bench import prices
from bench.growth.curve import short
from bench.local_stack import LocalStack, deploy
from bench.measurement import Check, Measurement, RunOptions, Table

TITLE = "A slow channel beside a fast one"
JOBS, JOBS_ALONE, JOBS_TRIAL = 100, 1_000, 40
ROUNDS = 2
SLOW = 2.0  # s, an answer of Slack's
TIMEOUT = 300.0  # s
NOTIFIERS = 3
MILLION = 1e6
RECORD = 3  # requests to SQS for a record: send, receive, delete
SECONDS, GIGABYTES = 0.1, 0.25  # of an invocation for one notifier: an estimate; the stack's memory


@dataclass(frozen=True)
class Burst:
    """Seconds from the events until each channel had the last job, and the jobs that the topic lacks."""

    slack: float
    topic: float
    missing: int


def measure(options: RunOptions) -> Measurement:
    jobs = JOBS_TRIAL if options.trial else JOBS_ALONE if options.alone else JOBS
    with deploy(options.project) as stack:
        topic = CollectingQueue.of_topic(stack.cloud, "pace", stack.outputs["notifiers"]["sns"]["topic_arn"])
        run_burst(stack, topic, "pace-warm", 10, 0.0)
        rounds = [
            [run_burst(stack, topic, f"pace-{number}-{delay:g}", jobs, delay) for delay in (0.0, SLOW)]
            for number in range(1 if options.alone else ROUNDS)
        ]
    ratios = [slow.topic / fast.topic for fast, slow in rounds]
    rows = [
        [
            f"Slack takes {delay:g} s",
            *(_spread([getattr(each[place], channel) for each in rounds]) for channel in ("topic", "slack")),
        ]
        for place, delay in enumerate((0.0, SLOW))
    ]
    return Measurement(
        checks=[
            Check(
                "a slow channel: jobs that the fast one lacks",
                sum(burst.missing for each in rounds for burst in each),
                0,
                exact=True,
            )
        ],
        shown={f"SNS beside a Slack of {SLOW:g} s": f"{median(ratios):.2f} × the time beside a fast one (pairs)"},
        tables=[
            Table(f"{jobs:,} jobs at once, until the channel has the last", ["", "SNS", "Slack"], rows),
            queue_for_each_table(),
        ],
        figures={"ratios": ratios, "jobs": jobs},
    )


def run_burst(stack: LocalStack, topic: CollectingQueue, label: str, jobs: int, delay: float) -> Burst:
    """Let so many jobs finish at once while Slack takes `delay` seconds to answer, and wait until all is done."""
    names = [f"{label}-{number:04}" for number in range(jobs)]
    accepted: list[float] = []
    stack.sink.on_accepted(lambda body: accepted.append(time.time()))
    stack.sink.answer_with(lambda body: SlackResponse(delay=delay))
    started = time.time()
    stack.raise_all([stack.parent_event(name) for name in names])
    stack.wait_until_idle(TIMEOUT)
    envelopes = [json.loads(body) for body in topic.bodies()]
    # SNS's Timestamp is the time of the publish (SNS Developer Guide, "Parsing Amazon SNS message formats").
    sent = {json.loads(one["Message"])["job_name"]: _seconds(one["Timestamp"]) for one in envelopes}
    arrived = [sent[name] for name in names if name in sent]
    return Burst(max(accepted) + delay - started, max(arrived) - started, jobs - len(arrived))


def queue_for_each_table() -> Table:
    """Compare what today's queues cost with a queue for each notifier, and with tickets for a slow channel alone."""
    polls = prices.POLLERS * prices.POLLS_A_DAY * prices.DAYS_A_MONTH * prices.SQS_REQUEST
    invocation = prices.LAMBDA_REQUEST + SECONDS * GIGABYTES * prices.LAMBDA_GB_SECOND
    records = RECORD * prices.SQS_REQUEST
    rows = [
        ["as it is", "-", "-", "all channels at the pace of the slowest, while jobs wait"],
        [
            "a queue for each notifier",
            _dollars(NOTIFIERS * (polls + prices.ALARM_MONTH)),
            _dollars(MILLION * NOTIFIERS * (records + invocation)),
            "each channel at its own pace",
        ],
        [
            "a slow channel's messages become tickets while jobs wait, if it has digests",
            "-",
            f"{_dollars(MILLION * records)} at most",
            "the others at their own pace but for one send in ten seconds; the slow one in digests of 100",
        ],
    ]
    columns = ["design", f"more a month at rest, {NOTIFIERS} notifiers", "more for a million jobs", "pace"]
    return Table("What a pace of its own for each channel would cost", columns, rows)


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _spread(values: Sequence[float]) -> str:
    return f"{short(median(values))} s ({short(min(values))} to {short(max(values))})"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"
