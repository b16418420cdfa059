"""Arrays that fail early, hang or are slow, and outcomes whose event is lost, through the real path of a stack.

The test moves the clock and the children; nothing waits for minutes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.watched_stack import OVERDUE, QUEUES, STALLED, WatchedStack, deployed, new_name
from tests.waiting import FACTOR, patience, wait_until

CROWD = 500  # arrays
FAILING = 60  # of them
CALLS = 3 * 3  # of three queues: what runs, and what ended in each of two statuses
MEMORY = 128 * 1024  # KiB


@pytest.fixture(scope="module")
def watched(project: Path) -> Iterator[WatchedStack]:
    with deployed(project) as stack:
        yield stack


def test_an_array_whose_first_children_fail_has_one_early_warning_long_before_it_ends(watched: WatchedStack) -> None:
    name = new_name("fails")
    job, jobs = watched.start(name, 100), watched.cloud.jobs
    jobs.move(job, "RUNNING", 10)
    jobs.move(job, "FAILED", 4, exit_code=3)
    watched.sweep()
    after_four = watched.statuses(name)
    jobs.move(job, "FAILED", 2, exit_code=3)
    watched.sweep()
    after_six = watched.statuses(name)
    jobs.move(job, "FAILED", 2, exit_code=3)
    watched.sweep()
    watched.pass_minutes(10)
    jobs.move(job, "SUCCEEDED")
    wait_until(lambda: watched.statuses(name)["FAILED"], "the outcome")
    watched.sweep()

    assert (after_four, after_six) == ({}, {"EARLY": 1})
    assert watched.statuses(name) == {"EARLY": 1, "FAILED": 1}
    (early,) = (one for one in watched.told(name) if one["status"] == "EARLY")
    assert early["title"] == f"{name}: all the first 6 children failed"
    assert "aws batch terminate-job" in str(early)
    board = watched.board(name)
    replies = watched.slack.history.replies(board)
    assert [one.is_broadcast for one in replies] == [False, True]
    assert "8 of 100" in board.shown.text


def test_an_array_that_hangs_has_one_warning_that_it_is_stalled_and_what_aws_says(watched: WatchedStack) -> None:
    name = new_name("hangs")
    job, jobs, queue = watched.start(name, 50, queue=1), watched.cloud.jobs, watched.queues[1]
    jobs.move(job, "SUCCEEDED", 10)
    watched.sweep()
    jobs.set_status(queue, "INVALID", "CLIENT_ERROR - no capacity")
    watched.pass_minutes(STALLED - 5)
    before = watched.statuses(name)
    watched.pass_minutes(20)
    jobs.set_status(queue, "VALID", "JobQueue Healthy")
    after = watched.statuses(name)
    jobs.move(job, "SUCCEEDED")
    wait_until(lambda: watched.statuses(name)["SUCCEEDED"], "the outcome")

    assert (before, after) == ({}, {"STALLED": 1})
    assert watched.statuses(name) == {"STALLED": 1, "SUCCEEDED": 1}
    (stalled,) = (one for one in watched.told(name) if one["status"] == "STALLED")
    assert "no child started or finished" in stalled["title"]
    assert "CLIENT_ERROR - no capacity" in str(stalled)
    assert "40 runnable" in str(stalled)


def test_a_slow_array_has_one_warning_that_it_is_overdue_with_a_true_forecast(watched: WatchedStack) -> None:
    name = new_name("slow")
    job, jobs = watched.start(name, 100, queue=2), watched.cloud.jobs
    warned = 0
    for minute in range(0, 110, 5):  # five children start every 5 minutes, and each takes 10
        jobs.move(job, "SUCCEEDED", 5 if minute >= 10 else 0)
        jobs.move(job, "RUNNING", 5 if minute < 100 else 0)
        watched.pass_minutes(5)
        if not warned and watched.statuses(name)["OVERDUE"]:
            warned = minute + 5
    ended = 105
    wait_until(lambda: watched.statuses(name)["SUCCEEDED"], "the outcome")

    assert OVERDUE <= warned <= OVERDUE + 5
    assert watched.statuses(name) == {"OVERDUE": 1, "SUCCEEDED": 1}
    (overdue,) = (one for one in watched.told(name) if one["status"] == "OVERDUE")
    assert _forecast(overdue) == pytest.approx(ended - warned, rel=0.2)


def test_an_outcome_whose_event_is_lost_is_found_by_a_sweep_and_does_not_come_twice(watched: WatchedStack) -> None:
    name = new_name("lost")
    job, cloud = watched.start(name, 10), watched.cloud
    cloud.jobs.move(job, "RUNNING", 5)
    watched.sweep()
    cloud.rules.withhold(watched.outcomes)
    cloud.jobs.move(job, "SUCCEEDED")
    wait_until(lambda: cloud.rules.withheld(watched.outcomes), "withheld")
    watched.pass_minutes(5)
    while_on_its_way = watched.statuses(name)
    watched.pass_minutes(10)
    found = watched.statuses(name)
    cloud.rules.deliver(watched.outcomes)
    watched.pass_minutes(10)

    assert (while_on_its_way, found) == ({}, {"SUCCEEDED": 1})
    assert watched.statuses(name) == {"SUCCEEDED": 1}
    board = watched.board(name)
    assert "succeeded" in board.shown.text
    assert len(watched.slack.history.replies(board)) == 1
    lines = cloud.function_log(watched.deployment.outputs["function_name"], "missed_events")
    assert [json.loads(line["message"])["missed_events"] for line in lines] == [1]


def test_among_500_running_arrays_two_sweeps_at_once_warn_once_of_each_that_fails_early(watched: WatchedStack) -> None:
    cloud = watched.cloud
    names = [f"crowd-{number:03}" for number in range(CROWD)]
    # Those that go well are small: each child that moves is three events.
    sizes = [10] * FAILING + [2] * (CROWD - FAILING)
    jobs = [watched.start(name, sizes[number], queue=number % QUEUES) for number, name in enumerate(names)]
    for job, size in zip(jobs, sizes, strict=True):
        cloud.jobs.move(job, "RUNNING", size - 1)
    watched.sweep()  # remembers all of them
    for job in jobs[:FAILING]:
        cloud.jobs.move(job, "FAILED", 6)
    before = len(watched.sweeps())
    watched.take_records_one_by_one()
    cloud.fail("batch:ListJobs", delay=1.0 * FACTOR, times=2)  # so that the second begins before the first one ends
    cloud.rules.fire(watched.schedule)
    cloud.rules.fire(watched.schedule)
    watched.wait_until_idle_without_waiting()
    watched.sweep()
    one, other, later = watched.sweeps()[before:]

    subjects = Counter(mail["Subject"] for mail in cloud.mailbox())
    assert sorted(subjects) == [f"{name}: all the first 6 children failed" for name in names[:FAILING]]
    assert set(subjects.values()) == {1}
    assert [sweep["running"] for sweep in (one, other, later)] == [CROWD] * 3
    assert _ended(other) - other["seconds"] < _ended(one)  # they were at work at the same time
    assert later["warnings"] == 0
    assert max(sweep["calls"] for sweep in (one, other, later)) <= CALLS
    memory = max(cloud.peak_memory(), default=0)
    print(f"{later['calls']} calls, {later['seconds']} s, {memory / 1024:.0f} MiB")
    assert later["seconds"] < patience(1)
    assert memory < MEMORY


def _ended(sweep: dict[str, Any]) -> float:
    return datetime.fromisoformat(sweep["timestamp"]).timestamp()


def _forecast(overdue: dict[str, Any]) -> float:
    """Minutes from the warning until the end that it tells."""
    found = re.search(r"in about (?:(\d+) h ?)?(?:(\d+) min)?", str(overdue))
    assert found, overdue
    return int(found[1] or 0) * 60 + int(found[2] or 0)
