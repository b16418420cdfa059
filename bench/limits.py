"""The first two limits that a stack meets when there are more and more jobs, and what it does there.

Slack takes one message a second for a webhook. AWS Batch throttles an account's calls, ListJobs among them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.finding import Check, Finding, Order
from bench.local_stack import LocalStack, deploy

TITLE = "First limits"
A_MINUTE = 100  # array jobs
SECONDS = 24.0  # of that rate
RATE = 1.0  # messages a second that Slack takes
FAILED_JOBS = 20
PAUSE = 0.25  # seconds between them
THROTTLED = 0.7  # of the calls of ListJobs: 167 failed arrays a second against 50
PATIENCE = 120.0  # seconds until nothing is left to do


@dataclass(frozen=True)
class Wait:
    """Of jobs: how long each waited for its message (seconds), in how many messages they came, how many did not."""

    waited: Sequence[float]
    messages: int
    missing: int


def measure(order: Order) -> Finding:
    with deploy(order.project) as stack:
        slack = _meet_slack(stack, 6.0 if order.trial else SECONDS)
        failed, without = _meet_list_jobs(stack)
        dead = stack.dead_letters()
    return Finding(
        checks=[
            Check(f"Slack at {A_MINUTE} jobs a minute: jobs not told", slack.missing, 0, exact=True),
            Check("ListJobs throttled: jobs not told", failed.missing, 0, exact=True),
            Check("dead letters of both", dead, 0, exact=True),
        ],
        shown={
            f"Slack, 1 a second, {A_MINUTE} jobs a minute": f"{len(slack.waited)} jobs in {slack.messages} messages; "
            f"they waited {median(slack.waited):.1f} s, {max(slack.waited):.1f} s at most",
            f"ListJobs refused {THROTTLED:.0%} of the time": f"{len(failed.waited)} failed arrays in {failed.messages} "
            f"messages, of which {without} say that the children could not be looked up; "
            f"they waited {median(failed.waited):.1f} s",
        },
        figures={
            "slack": {"waited": slack.waited, "messages": slack.messages},
            "list_jobs": {"waited": failed.waited, "messages": failed.messages, "without_groups": without},
        },
    )


def _meet_slack(stack: LocalStack, seconds: float) -> Wait:
    stack.sink.limit(RATE)
    names = [f"steady-{number:03}" for number in range(round(seconds * A_MINUTE / 60))]
    return _raise_steadily(stack, names, 60 / A_MINUTE)


def _meet_list_jobs(stack: LocalStack) -> tuple[Wait, int]:
    """And how many of the messages had to do without what ListJobs would have said."""
    known = len(stack.sink.accepted)
    stack.sink.limit(1000, burst=1000)
    throttling = stack.cloud.fail(
        "batch:ListJobs", error="TooManyRequestsException", status=429, probability=THROTTLED, seed=1
    )
    names = [f"failed-{number:03}" for number in range(FAILED_JOBS)]
    wait = _raise_steadily(stack, names, PAUSE, failed=2)
    throttling.clear()
    told = [json.dumps(payload) for payload in stack.sink.accepted[known:]]
    return wait, sum("could not be looked up" in text for text in told)


def _raise_steadily(stack: LocalStack, names: Sequence[str], pause: float, **what: Any) -> Wait:
    told: dict[str, float] = {}
    known = len(stack.sink.accepted)

    def note(body: str) -> None:
        now = time.monotonic()
        for name in names:
            if name in body:
                told.setdefault(name, now)

    stack.sink.on_accepted(note)
    raised: dict[str, float] = {}
    for name in names:
        raised[name] = time.monotonic()
        stack.raise_all([stack.finish(name, **what)])
        time.sleep(max(0.0, raised[name] + pause - time.monotonic()))
    stack.come_to_rest(PATIENCE)
    waited: Mapping[str, float] = {name: told[name] - raised[name] for name in names if name in told}
    return Wait(list(waited.values()), len(stack.sink.accepted) - known, len(names) - len(waited))
