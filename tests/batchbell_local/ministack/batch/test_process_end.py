"""Clouds of their own: one delivers events twice, others are stopped or reset while jobs run."""

from __future__ import annotations

import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud


def processes(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir()]


@pytest.fixture
def running(tmp_path: Path) -> tuple[str, ...]:
    """A command with two processes that each create a file named after their process id."""
    return "sh", "-c", f"sleep 60 & touch {tmp_path}/$! {tmp_path}/$$; wait"


def test_with_duplicates_every_finished_event_comes_twice_with_one_id(batch_of: Any) -> None:
    with LocalCloud.start(duplicate_events=True) as cloud:
        batch = batch_of(cloud)
        queue = batch.queue()
        watched = batch.watch(queue)
        parent = batch.run(queue, "true", size=3)
        events = watched.events()
    finished = Counter(event["id"] for event in events if event["detail"]["status"] == "SUCCEEDED")
    others = Counter(event["id"] for event in events if event["detail"]["status"] != "SUCCEEDED")
    assert list(finished.values()) == [2] * 4
    assert set(others.values()) == {1}
    assert events[-1] == events[-2]
    assert events[-1]["detail"]["jobId"] == parent


def test_stopping_the_cloud_ends_every_process_of_every_job(
    batch_of: Any, tmp_path: Path, running: tuple[str, ...]
) -> None:
    with LocalCloud.start() as cloud:
        batch = batch_of(cloud)
        batch.run(batch.queue(), *running, size=6)
        batch.wait_until(lambda: len(processes(tmp_path)) == 8, "not four jobs of two processes")
        assert all(batch.is_alive(process) for process in processes(tmp_path))
    assert not any(batch.is_alive(process) for process in processes(tmp_path))
    assert len(processes(tmp_path)) == 8


def test_resetting_the_cloud_ends_the_jobs_and_new_ones_run(
    batch_of: Any, tmp_path: Path, running: tuple[str, ...]
) -> None:
    with LocalCloud.start() as cloud:
        batch = batch_of(cloud)
        job = batch.run(batch.queue(), *running)
        batch.wait_until(lambda: len(processes(tmp_path)) == 2, "did not start")
        request = urllib.request.Request(f"{cloud.endpoint}/_ministack/reset", method="POST")
        urllib.request.urlopen(request, timeout=60).close()
        batch.wait_until(lambda: not any(map(batch.is_alive, processes(tmp_path))), "still running")
        assert batch.client.describe_jobs(jobs=[job])["jobs"] == []
        assert batch.wait(batch.run(batch.queue(), "true", size=3))["status"] == "SUCCEEDED"
