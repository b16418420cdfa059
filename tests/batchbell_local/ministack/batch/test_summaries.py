"""What AWS shows of running arrays as time passes, on a clock that the test moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

MINUTE = 60


@pytest.fixture
def batch(own_cloud: LocalCloud, batch_of: Any) -> Iterator[Any]:
    yield batch_of(own_cloud)
    own_cloud.jobs.show_summaries()


def test_shown_counts_are_those_of_some_minutes_ago_and_say_so(batch: Any) -> None:
    queue = batch.held_queue()
    batch.cloud.jobs.show_summaries(lag=5 * MINUTE)
    parent = batch.run(queue, "true", size=4)
    failed, described, updated = [], [], []
    for _ in range(3):
        batch.cloud.jobs.move(parent, "FAILED", 1)
        batch.cloud.move_time(4 * MINUTE)
        (listed,) = batch.running_arrays(queue)
        failed.append(batch.counts(listed).get("FAILED", 0))
        described.append(batch.counts(batch.describe(parent)).get("FAILED", 0))
        since = listed["arrayProperties"]["statusSummaryLastUpdatedAt"] - listed["createdAt"]
        updated.append(since // (MINUTE * 1000))
    batch.cloud.jobs.move(parent, "FAILED", 1)

    assert (failed, described, updated) == ([0, 1, 2], [0, 1, 2], [0, 0, 4])
    assert batch.counts(batch.describe(parent)) == {"FAILED": 4}  # the array has finished


def test_lists_may_lack_summaries_that_a_description_has(batch: Any) -> None:
    queue = batch.held_queue()
    parent = batch.run(queue, "true", size=2)
    batch.cloud.jobs.move(parent, "RUNNING", 1)
    batch.cloud.jobs.show_summaries(in_lists=False)
    (listed,) = batch.running_arrays(queue)

    assert listed["arrayProperties"] == {"size": 2}
    assert batch.counts(batch.describe(parent)) == {"RUNNABLE": 1, "RUNNING": 1}


def test_the_times_of_jobs_follow_the_moved_clock(batch: Any) -> None:
    first = batch.wait(batch.run(batch.queue(), "true"))
    moved_at = time.time()
    batch.cloud.move_time(3_600)
    second = batch.wait(batch.run(batch.queue(), "true"))

    assert second["createdAt"] - first["stoppedAt"] >= 3_600_000
    assert second["createdAt"] <= second["startedAt"] <= second["stoppedAt"]
    assert second["createdAt"] / 1000 >= moved_at + 3_600
