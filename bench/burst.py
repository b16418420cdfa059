"""A thousand array jobs finish within two seconds, and Slack takes one message a second.

The print-color stack as it ships, with the function's real timeout: slots, delays and waits are those of a real stack.
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
from bench.finding import Check, Finding, Order
from bench.jobs import PLACE
from bench.local_stack import LocalStack, deploy

TITLE = "Burst"
JOBS = 1_000
AT_ONCE = 100  # events of one call
SECONDS = 2.0  # in which they finish
MESSAGES = 60  # that Slack may show for them: one a second for a minute
PATIENCE = 90.0  # seconds from the first event until every job is in Slack
RATE = 1.0  # messages a second that Slack takes
LOOK = 0.5  # seconds between looks at the queues: the local AWS has one thread for all calls

NAME = re.compile(r"burst-[0-9]{4}")


@dataclass(frozen=True)
class Burst:
    """What became of it. Seconds count from the first event."""

    names: Sequence[str]  # of the jobs
    raised: float  # when the last event was on the bus
    slack: Sequence[Mapping[str, Any]]  # the payloads that were accepted
    accepted: Sequence[float]  # when Slack took each of them
    refused: int  # requests that Slack answered with 429
    mails: Sequence[Mapping[str, Any]]
    published: Sequence[Mapping[str, Any]]  # what programs read on the topic
    rows: Sequence[Mapping[str, Any]]  # the ledger's, of jobs
    dead: int  # letters in the dead-letter queue
    unknown: int  # deliveries that got no answer

    def told(self) -> list[tuple[float, int]]:
        """How many jobs Slack knew of, after each message."""
        known: set[str] = set()
        steps = []
        for at, payload in zip(self.accepted, self.slack, strict=True):
            known |= jobs_in(payload)
            steps.append((at, len(known)))
        return steps


def run(stack: LocalStack, jobs: int = JOBS) -> Burst:
    """Let them finish and wait until nothing is left to do."""
    names = [f"burst-{number:04}" for number in range(jobs)]
    topic = CollectingQueue.of_topic(stack.cloud, "burst", stack.outputs["notifiers"]["sns"]["topic_arn"])
    accepted: list[float] = []
    stack.sink.on_accepted(lambda body: accepted.append(time.time()))
    stack.sink.limit(RATE)
    events = [stack.finish(name) for name in names]
    started = time.time()
    for first in range(0, jobs, AT_ONCE):
        stack.cloud.raise_events(events[first : first + AT_ONCE])
    raised = time.time() - started
    stack.come_to_rest(PATIENCE, LOOK)
    return Burst(
        names=names,
        raised=raised,
        slack=stack.sink.accepted,
        accepted=[at - started for at in accepted],
        refused=sum(request.answered == 429 for request in stack.sink.requests),
        mails=stack.cloud.mailbox(),
        published=[json.loads(json.loads(body)["Message"]) for body in topic.bodies()],
        rows=[row for row in _scan(stack) if PLACE in row["message"]["S"]],
        dead=stack.dead_letters(),
        unknown=len(stack.log("unknown")),
    )


def jobs_in(message: Any) -> set[str]:
    """The jobs that a message names, wherever in it."""
    return set(NAME.findall(json.dumps(message)))


def count_jobs(messages: Iterable[Any]) -> Mapping[str, int]:
    """In how many of the messages each job is named."""
    return Counter(name for message in messages for name in jobs_in(message))


def measure(order: Order) -> Finding:
    jobs = JOBS // 10 if order.trial else JOBS
    with deploy(order.project) as stack:
        burst = run(stack, jobs)
    told = count_jobs(burst.slack)
    done = max(burst.accepted)
    return Finding(
        checks=[
            Check(f"Slack messages for {jobs:,} jobs", len(burst.slack), MESSAGES),
            Check("until Slack had every job", done, PATIENCE, "s"),
            Check("jobs that Slack was not told of once", sum(told[name] != 1 for name in burst.names), 0, exact=True),
        ],
        shown={
            "the events took": f"{burst.raised:.1f} s",
            "Slack refused (429)": f"{burst.refused} requests",
            "one message a job instead": f"{jobs:,} messages, {jobs / RATE / 60:.0f} minutes",
            "mails, messages of the topic": f"{len(burst.mails)}, {len(burst.published):,}",
            "dead letters": f"{burst.dead}",
        },
        figures={
            "jobs": jobs,
            "raised": burst.raised,
            "messages": len(burst.slack),
            "seconds": done,
            "refused": burst.refused,
            "told": burst.told(),
            "rate": RATE,
        },
    )


def _scan(stack: LocalStack) -> list[Mapping[str, Any]]:
    pages = stack.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["ledger_table_name"])
    return [row for page in pages for row in page["Items"]]
