"""CancelJob, TerminateJob, and jobs in a queue that goes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ABSENT = "6bb2ba8d-0b8c-4a54-8a1b-94d11bd4b6f5"


def disable(bench: Any, environment: str) -> None:
    bench.batch.update_compute_environment(computeEnvironment=environment, state="DISABLED")


def counts(bench: Any, parent: str) -> dict[str, int]:
    found: dict[str, int] = bench.describe(parent)["arrayProperties"]["statusSummary"]
    return {status: count for status, count in found.items() if count}


def test_jobs_stay_runnable_until_their_queue_has_an_enabled_environment(bench: Any) -> None:
    environment = bench.environment()
    disable(bench, environment)
    job = bench.run(bench.queue(environment), "true")
    other = bench.run(bench.queue(), "true")
    bench.wait(other)  # workers are free, and yet
    assert bench.describe(job)["status"] == "RUNNABLE"
    bench.batch.update_compute_environment(computeEnvironment=environment, state="ENABLED")
    assert bench.wait(job)["status"] == "SUCCEEDED"


def test_cancelling_ends_a_job_that_has_not_been_placed(bench: Any) -> None:
    environment = bench.environment()
    disable(bench, environment)
    queue = bench.queue(environment)
    runnable = bench.run(queue, "true")
    pending = bench.run(queue, "true", dependsOn=[{"jobId": runnable}])
    bench.batch.cancel_job(jobId=pending, reason="not needed")
    bench.batch.cancel_job(jobId=runnable, reason="wrong colour")
    for job, reason in ((pending, "not needed"), (runnable, "wrong colour")):
        found = bench.wait(job)
        assert (found["status"], found["statusReason"], found["isCancelled"]) == ("FAILED", reason, True)
        assert found["attempts"] == []
        assert "taskArn" not in found["container"]


def test_cancelling_leaves_a_running_job_alone(bench: Any, tmp_path: Path) -> None:
    job = bench.run(bench.queue(), "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done")
    bench.wait(job, "RUNNING")
    bench.batch.cancel_job(jobId=job, reason="too late")
    assert bench.describe(job)["status"] == "RUNNING"
    (tmp_path / "go").touch()
    assert bench.wait(job)["status"] == "SUCCEEDED"


def test_cancelling_an_array_ends_the_waiting_children_and_lets_the_running_ones_finish(
    bench: Any, tmp_path: Path
) -> None:
    queue = bench.queue()
    parent = bench.run(queue, "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done", size=8)
    bench.wait_until(lambda: counts(bench, parent) == {"RUNNING": 4, "RUNNABLE": 4}, "not four at a time")
    bench.batch.cancel_job(jobId=parent, reason="enough")
    assert counts(bench, parent) == {"RUNNING": 4, "FAILED": 4}
    assert bench.describe(parent)["status"] == "PENDING"
    (tmp_path / "go").touch()
    found = bench.wait(parent)
    assert (found["status"], found["statusReason"]) == ("FAILED", "enough")
    assert counts(bench, parent) == {"SUCCEEDED": 4, "FAILED": 4}


def test_terminating_ends_a_running_job_with_all_its_processes_and_gives_the_reason(bench: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait; exit 0")
    job = bench.run(bench.queue(), *command, retryStrategy={"attempts": 3})
    bench.wait_until((tmp_path / "pid").exists, "did not start")
    bench.batch.terminate_job(jobId=job, reason="wrong input")
    found = bench.wait(job)
    assert (found["status"], found["statusReason"], found["isTerminated"]) == ("FAILED", "wrong input", True)
    assert [attempt["container"]["exitCode"] for attempt in found["attempts"]] == [143]
    bench.wait_until(lambda: not bench.is_alive(int((tmp_path / "pid").read_text())), "it still runs")


def test_a_job_that_ignores_the_polite_signal_is_killed(bench: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"trap '' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done")
    job = bench.run(bench.queue(), *command)
    bench.wait_until((tmp_path / "ready").exists, "did not start")
    bench.batch.terminate_job(jobId=job, reason="wrong input")
    assert bench.wait(job)["container"]["exitCode"] == 137


def test_terminating_an_array_ends_all_of_its_children(bench: Any) -> None:
    queue = bench.queue()
    watched = bench.watch(queue)
    parent = bench.run(queue, "sleep", "60", size=20)
    bench.wait_until(lambda: counts(bench, parent).get("RUNNING") == 4, "not four at a time")
    bench.batch.terminate_job(jobId=parent, reason="stop")
    found = bench.wait(parent)
    assert (found["status"], found["statusReason"]) == ("FAILED", "stop")
    events = watched.events("SUCCEEDED", "FAILED")
    assert [event["detail"]["status"] for event in events] == ["FAILED"] * 21
    assert {event["detail"]["statusReason"] for event in events} == {"stop"}
    assert events[-1]["detail"]["jobId"] == parent


def test_one_child_can_be_terminated(bench: Any, tmp_path: Path) -> None:
    parent = bench.run(bench.queue(), "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done", size=3)
    bench.wait(f"{parent}:1", "RUNNING")
    bench.batch.terminate_job(jobId=f"{parent}:1", reason="just this one")
    assert bench.wait(f"{parent}:1")["statusReason"] == "just this one"
    (tmp_path / "go").touch()
    assert bench.wait(parent)["statusReason"] == "Array Child Job failed"
    assert counts(bench, parent) == {"SUCCEEDED": 2, "FAILED": 1}


def test_ending_a_finished_or_an_unknown_job_changes_nothing(bench: Any) -> None:
    job = bench.run(bench.queue(), "true")
    before = bench.wait(job)
    for end in (bench.batch.cancel_job, bench.batch.terminate_job):
        end(jobId=job, reason="late")
        end(jobId=ABSENT, reason="who")
    assert bench.describe(job) == before


def test_deleting_a_queue_ends_the_jobs_in_it(bench: Any) -> None:
    queue = bench.queue()
    parent = bench.run(queue, "sleep", "60", size=6)
    bench.wait(f"{parent}:0", "RUNNING")
    bench.batch.update_job_queue(jobQueue=queue, state="DISABLED")
    bench.batch.delete_job_queue(jobQueue=queue)
    assert bench.wait(parent)["statusReason"] == "Job queue deleted"
    assert bench.batch.describe_job_queues(jobQueues=[queue])["jobQueues"] == []
