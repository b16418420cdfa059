"""CancelJob, TerminateJob, and the jobs of a queue that is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ABSENT = "6bb2ba8d-0b8c-4a54-8a1b-94d11bd4b6f5"


def disable(batch: Any, environment: str) -> None:
    batch.client.update_compute_environment(computeEnvironment=environment, state="DISABLED")


def counts(batch: Any, parent: str) -> dict[str, int]:
    found: dict[str, int] = batch.describe(parent)["arrayProperties"]["statusSummary"]
    return {status: count for status, count in found.items() if count}


def test_jobs_stay_runnable_until_their_queue_has_an_enabled_environment(batch: Any) -> None:
    environment = batch.environment()
    disable(batch, environment)
    job = batch.run(batch.queue(environment), "true")
    other = batch.run(batch.queue(), "true")
    batch.wait(other)  # there are free threads, and yet
    assert batch.describe(job)["status"] == "RUNNABLE"
    batch.client.update_compute_environment(computeEnvironment=environment, state="ENABLED")
    assert batch.wait(job)["status"] == "SUCCEEDED"


def test_cancelling_ends_a_job_that_has_not_been_placed(batch: Any) -> None:
    environment = batch.environment()
    disable(batch, environment)
    queue = batch.queue(environment)
    runnable = batch.run(queue, "true")
    pending = batch.run(queue, "true", dependsOn=[{"jobId": runnable}])
    batch.client.cancel_job(jobId=pending, reason="not needed")
    batch.client.cancel_job(jobId=runnable, reason="wrong colour")
    for job, reason in ((pending, "not needed"), (runnable, "wrong colour")):
        found = batch.wait(job)
        assert (found["status"], found["statusReason"], found["isCancelled"]) == ("FAILED", reason, True)
        assert found["attempts"] == []
        assert "taskArn" not in found["container"]


def test_cancelling_does_not_affect_a_running_job(batch: Any, tmp_path: Path) -> None:
    job = batch.run(batch.queue(), "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done")
    batch.wait(job, "RUNNING")
    batch.client.cancel_job(jobId=job, reason="too late")
    assert batch.describe(job)["status"] == "RUNNING"
    (tmp_path / "go").touch()
    assert batch.wait(job)["status"] == "SUCCEEDED"


def test_cancelling_an_array_ends_the_waiting_children_and_lets_the_running_ones_finish(
    batch: Any, tmp_path: Path
) -> None:
    queue = batch.queue()
    parent = batch.run(queue, "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done", size=8)
    batch.wait_until(lambda: counts(batch, parent) == {"RUNNING": 4, "RUNNABLE": 4}, "not four at a time")
    batch.client.cancel_job(jobId=parent, reason="enough")
    assert counts(batch, parent) == {"RUNNING": 4, "FAILED": 4}
    assert batch.describe(parent)["status"] == "PENDING"
    (tmp_path / "go").touch()
    found = batch.wait(parent)
    assert (found["status"], found["statusReason"]) == ("FAILED", "enough")
    assert counts(batch, parent) == {"SUCCEEDED": 4, "FAILED": 4}


def test_terminating_ends_a_running_job_with_all_its_processes_and_gives_the_reason(batch: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait; exit 0")
    job = batch.run(batch.queue(), *command, retryStrategy={"attempts": 3})
    batch.wait_until((tmp_path / "pid").exists, "did not start")
    batch.client.terminate_job(jobId=job, reason="wrong input")
    found = batch.wait(job)
    assert (found["status"], found["statusReason"], found["isTerminated"]) == ("FAILED", "wrong input", True)
    assert [attempt["container"]["exitCode"] for attempt in found["attempts"]] == [143]
    batch.wait_until(lambda: not batch.is_alive(int((tmp_path / "pid").read_text())), "it still runs")


def test_a_job_that_ignores_sigterm_is_killed(batch: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"trap '' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done")
    job = batch.run(batch.queue(), *command)
    batch.wait_until((tmp_path / "ready").exists, "did not start")
    batch.client.terminate_job(jobId=job, reason="wrong input")
    assert batch.wait(job)["container"]["exitCode"] == 137


def test_terminating_an_array_ends_all_of_its_children(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "sleep", "60", size=20)
    batch.wait_until(lambda: counts(batch, parent).get("RUNNING") == 4, "not four at a time")
    batch.client.terminate_job(jobId=parent, reason="stop")
    found = batch.wait(parent)
    assert (found["status"], found["statusReason"]) == ("FAILED", "stop")
    events = watched.events("SUCCEEDED", "FAILED")
    assert [event["detail"]["status"] for event in events] == ["FAILED"] * 21
    assert {event["detail"]["statusReason"] for event in events} == {"stop"}
    assert events[-1]["detail"]["jobId"] == parent


def test_one_child_can_be_terminated(batch: Any, tmp_path: Path) -> None:
    parent = batch.run(batch.queue(), "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done", size=3)
    batch.wait(f"{parent}:1", "RUNNING")
    batch.client.terminate_job(jobId=f"{parent}:1", reason="just this one")
    assert batch.wait(f"{parent}:1")["statusReason"] == "just this one"
    (tmp_path / "go").touch()
    assert batch.wait(parent)["statusReason"] == "Array Child Job failed"
    assert counts(batch, parent) == {"SUCCEEDED": 2, "FAILED": 1}


def test_ending_a_finished_or_an_unknown_job_changes_nothing(batch: Any) -> None:
    job = batch.run(batch.queue(), "true")
    before = batch.wait(job)
    for end in (batch.client.cancel_job, batch.client.terminate_job):
        end(jobId=job, reason="late")
        end(jobId=ABSENT, reason="who")
    assert batch.describe(job) == before


def test_deleting_a_queue_ends_the_jobs_in_it(batch: Any) -> None:
    queue = batch.queue()
    parent = batch.run(queue, "sleep", "60", size=6)
    batch.wait(f"{parent}:0", "RUNNING")
    batch.client.update_job_queue(jobQueue=queue, state="DISABLED")
    batch.client.delete_job_queue(jobQueue=queue)
    assert batch.wait(parent)["statusReason"] == "Job queue deleted"
    assert batch.client.describe_job_queues(jobQueues=[queue])["jobQueues"] == []
