"""Measures a burst: a thousand array jobs finish within two seconds, while Slack accepts one message a second.

Runs the print-color stack as it ships, with the function's real timeout, so that all delays are those of a real stack.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell_local.collecting_queue import CollectingQueue
from bench.batch_events import ARN_PREFIX
from bench.local_stack import LocalStack, deploy
from bench.measurement import Check, Measurement, RunOptions

TITLE = "Burst"
JOBS = 1_000
EVENTS_PER_CALL = 100
MAX_MESSAGES = 60  # in Slack for the whole burst: one a second for a minute
MAX_SECONDS = 90.0  # from the first event until every job is in Slack
RATE = 1.0  # messages a second that Slack accepts
POLL_INTERVAL = 0.5  # seconds between looks at the queues: the local AWS has one thread for all calls

NAME = re.compile(r"burst-[0-9]{4}")


@dataclass(frozen=True)
class Burst:
    """The results of a burst. Times are seconds since the first event."""

    names: Sequence[str]  # of the jobs
    raised: float  # when the last event was on the bus
    slack: Sequence[Mapping[str, Any]]  # the accepted payloads
    accepted: Sequence[float]  # when Slack accepted each of them
    refused: int  # requests that Slack answered with 429
    mails: Sequence[Mapping[str, Any]]
    published: Sequence[Mapping[str, Any]]  # messages of the topic
    rows: Sequence[Mapping[str, Any]]  # rows of jobs in the ledger
    dead: int  # messages in the dead-letter queue
    unknown: int  # sends that got no answer

    def reported_jobs(self) -> list[tuple[float, int]]:
        """Return the time of each Slack message and the number of jobs reported so far."""
        reported: set[str] = set()
        steps = []
        for at, payload in zip(self.accepted, self.slack, strict=True):
            reported |= jobs_in(payload)
            steps.append((at, len(reported)))
        return steps


def run(stack: LocalStack, jobs: int = JOBS, timeout: float = MAX_SECONDS) -> Burst:
    """Raise the events of so many finished jobs and wait until the function has nothing left to do.

    The stack may have had other jobs before. Raises WaitTimedOut after `timeout` seconds.
    """
    earlier = len(stack.sink.accepted), len(stack.sink.requests), len(stack.cloud.mailbox())
    names = [f"burst-{number:04}" for number in range(jobs)]
    topic = CollectingQueue.of_topic(stack.cloud, "burst", stack.outputs["notifiers"]["sns"]["topic_arn"])
    accepted: list[float] = []
    stack.sink.on_accepted(lambda body: accepted.append(time.time()))
    stack.sink.limit(RATE)
    events = [stack.parent_event(name) for name in names]
    started = time.time()
    for first in range(0, jobs, EVENTS_PER_CALL):
        stack.cloud.raise_events(events[first : first + EVENTS_PER_CALL])
    raised = time.time() - started
    stack.wait_until_idle(timeout, POLL_INTERVAL)
    return Burst(
        names=names,
        raised=raised,
        slack=stack.sink.accepted[earlier[0] :],
        accepted=[at - started for at in accepted],
        refused=sum(request.answered == 429 for request in stack.sink.requests[earlier[1] :]),
        mails=stack.cloud.mailbox()[earlier[2] :],
        published=[json.loads(json.loads(body)["Message"]) for body in topic.bodies()],
        rows=[row for row in _scan_ledger(stack) if ARN_PREFIX in row["message"]["S"]],
        dead=stack.dead_letters(),
        unknown=sum(at >= started for at, _ in stack.log("unknown")),
    )


def jobs_in(message: Any) -> set[str]:
    """Return the names of the jobs that a message mentions anywhere."""
    return set(NAME.findall(json.dumps(message)))


def count_jobs(messages: Iterable[Any]) -> Mapping[str, int]:
    """Count, by job, the messages that mention it."""
    return Counter(name for message in messages for name in jobs_in(message))


def measure(options: RunOptions) -> Measurement:
    jobs = JOBS // 10 if options.trial else JOBS
    with deploy(options.project) as stack:
        burst = run(stack, jobs)
    messages = count_jobs(burst.slack)
    done = max(burst.accepted)
    return Measurement(
        checks=[
            Check(f"Slack messages for {jobs:,} jobs", len(burst.slack), MAX_MESSAGES),
            Check("time until Slack had every job", done, MAX_SECONDS, "s"),
            Check("jobs not exactly once in Slack", sum(messages[name] != 1 for name in burst.names), 0, exact=True),
        ],
        shown={
            "raising the events took": f"{burst.raised:.1f} s",
            "requests that Slack refused (429)": f"{burst.refused}",
            "one message per job would take": f"{jobs:,} messages, {jobs / RATE / 60:.0f} minutes",
            "emails, messages on the topic": f"{len(burst.mails)}, {len(burst.published):,}",
            "dead letters": f"{burst.dead}",
        },
        figures={
            "jobs": jobs,
            "raised": burst.raised,
            "messages": len(burst.slack),
            "seconds": done,
            "refused": burst.refused,
            "reported": burst.reported_jobs(),
            "rate": RATE,
        },
    )


def _scan_ledger(stack: LocalStack) -> list[Mapping[str, Any]]:
    pages = stack.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["ledger_table_name"])
    return [row for page in pages for row in page["Items"]]
