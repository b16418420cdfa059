"""Measures a stack at the first two limits that a growing number of jobs reaches.

Slack accepts one message a second per webhook. AWS Batch throttles an account's calls, ListJobs among them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.local_stack import LocalStack, deploy
from bench.measurement import Check, Measurement, RunOptions

TITLE = "First limits"
JOBS_A_MINUTE = 100
SECONDS = 18.0  # for which the jobs come at that rate
RATE = 1.0  # messages a second that Slack accepts
FAILED_JOBS = 20
PAUSE = 0.25  # seconds between them
THROTTLED = 0.7  # of the ListJobs calls: 167 failed arrays a second against a quota of 50 calls
TIMEOUT = 120.0  # seconds until nothing is left to do


@dataclass(frozen=True)
class WaitingTimes:
    """The waiting times of a number of jobs.

    waited: seconds that each reported job waited for its message
    messages: number of messages that reported them
    missing: number of jobs that no message reported
    """

    waited: Sequence[float]
    messages: int
    missing: int


def measure(options: RunOptions) -> Measurement:
    with deploy(options.project) as stack:
        slack = _reach_slack_limit(stack, 6.0 if options.trial else SECONDS)
        failed, without = _reach_list_jobs_limit(stack)
        dead = stack.dead_letters()
    return Measurement(
        checks=[
            Check(f"Slack at {JOBS_A_MINUTE} jobs a minute: jobs not reported", slack.missing, 0, exact=True),
            Check("ListJobs throttled: jobs not reported", failed.missing, 0, exact=True),
            Check("dead letters in both cases", dead, 0, exact=True),
        ],
        shown={
            f"Slack accepts 1 message a second, {JOBS_A_MINUTE} jobs a minute": f"{len(slack.waited)} jobs in "
            f"{slack.messages} messages; waiting time {median(slack.waited):.1f} s (median), "
            f"{max(slack.waited):.1f} s (maximum)",
            f"ListJobs refuses {THROTTLED:.0%} of the calls": f"{len(failed.waited)} failed arrays in "
            f"{failed.messages} messages, of which {without} say that the children could not be looked up; "
            f"waiting time {median(failed.waited):.1f} s (median)",
        },
        figures={
            "slack": {"waited": slack.waited, "messages": slack.messages},
            "list_jobs": {"waited": failed.waited, "messages": failed.messages, "without_groups": without},
        },
    )


def _reach_slack_limit(stack: LocalStack, seconds: float) -> WaitingTimes:
    stack.sink.limit(RATE)
    names = [f"steady-{number:03}" for number in range(round(seconds * JOBS_A_MINUTE / 60))]
    return _raise_steadily(stack, names, 60 / JOBS_A_MINUTE)


def _reach_list_jobs_limit(stack: LocalStack) -> tuple[WaitingTimes, int]:
    """Return the waiting times, and the number of messages without the groups of failures."""
    known = len(stack.sink.accepted)
    stack.sink.limit(1000, burst=1000)
    throttling = stack.cloud.fail(
        "batch:ListJobs", error="TooManyRequestsException", status=429, probability=THROTTLED, seed=1
    )
    names = [f"failed-{number:03}" for number in range(FAILED_JOBS)]
    times = _raise_steadily(stack, names, PAUSE, failed=2)
    throttling.clear()
    texts = [json.dumps(payload) for payload in stack.sink.accepted[known:]]
    return times, sum("could not be looked up" in text for text in texts)


def _raise_steadily(stack: LocalStack, names: Sequence[str], pause: float, **options: Any) -> WaitingTimes:
    reported: dict[str, float] = {}
    known = len(stack.sink.accepted)

    def record(body: str) -> None:
        now = time.monotonic()
        for name in names:
            if name in body:
                reported.setdefault(name, now)

    stack.sink.on_accepted(record)
    raised: dict[str, float] = {}
    for name in names:
        raised[name] = time.monotonic()
        stack.raise_all([stack.parent_event(name, **options)])
        time.sleep(max(0.0, raised[name] + pause - time.monotonic()))
    stack.wait_until_idle(TIMEOUT)
    waited: Mapping[str, float] = {name: reported[name] - raised[name] for name in names if name in reported}
    return WaitingTimes(list(waited.values()), len(stack.sink.accepted) - known, len(names) - len(waited))
