"""Held queues, children without processes, the lists that show them, and the status of queues."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator


@pytest.fixture
def held(batch: Any) -> str:
    return str(batch.held_queue())


def test_children_of_a_held_queue_stay_runnable_until_it_is_released(batch: Any, held: str) -> None:
    parent = batch.run(held, "true", size=3)
    batch.wait(f"{parent}:2", "RUNNABLE")
    before = batch.describe(parent)
    batch.cloud.jobs.release(held)

    assert (before["status"], batch.counts(before)) == ("PENDING", {"RUNNABLE": 3})
    assert batch.counts(batch.wait(parent)) == {"SUCCEEDED": 3}


def test_children_run_and_end_without_processes_when_they_are_moved(batch: Any, held: str) -> None:
    watched = batch.watch(held)
    parent = batch.run(held, "false", size=4)
    moved = [
        batch.cloud.jobs.move(parent, "RUNNING", 3),
        batch.cloud.jobs.move(parent, "FAILED", 1, exit_code=3),
    ]
    (half_way,) = batch.running_arrays(held)
    moved += [batch.cloud.jobs.move(parent, "SUCCEEDED"), batch.cloud.jobs.move(parent, "SUCCEEDED")]
    batch.cloud.jobs.release(held)
    ended = [event["detail"]["jobId"] for event in watched.events("SUCCEEDED", "FAILED")]

    assert moved == [3, 1, 3, 0]
    assert batch.counts(half_way) == {"RUNNABLE": 1, "RUNNING": 2, "FAILED": 1}
    assert ended == [*(f"{parent}:{index}" for index in range(4)), parent]
    (failed,) = batch.client.list_jobs(arrayJobId=parent, jobStatus="FAILED")["jobSummaryList"]
    assert (failed["jobId"], failed["container"]) == (f"{parent}:0", {"exitCode": 3})
    assert batch.describe(f"{parent}:0")["attempts"][0]["container"]["logStreamName"]


def test_terminating_an_array_ends_its_moved_and_its_waiting_children(batch: Any, held: str) -> None:
    parent = batch.run(held, "true", size=5)
    batch.cloud.jobs.move(parent, "RUNNING", 3)
    batch.cloud.jobs.move(parent, "SUCCEEDED", 1)
    batch.client.terminate_job(jobId=parent, reason="too slow")
    ended = batch.describe(parent)

    assert (ended["status"], batch.counts(ended)) == ("FAILED", {"SUCCEEDED": 1, "FAILED": 4})
    assert batch.describe(f"{parent}:1")["statusReason"] == "too slow"
    assert batch.describe(f"{parent}:1")["container"]["exitCode"] == 143


def test_only_an_array_in_a_held_queue_is_moved(batch: Any, held: str) -> None:
    elsewhere = batch.run(batch.queue(), "true", size=2)
    batch.wait(elsewhere)
    for job in (elsewhere, batch.run(held, "true")):
        with pytest.raises(ConnectionError, match="batch/move"):
            batch.cloud.jobs.move(job, "RUNNING")


def test_running_arrays_are_listed_in_pages_of_a_thousand_in_the_shape_of_aws(batch: Any, held: str) -> None:
    definition = batch.definition("true")
    jobs = [batch.submit(held, definition, size=2) for _ in range(5)]
    batch.cloud.jobs.move(jobs[0], "SUCCEEDED")
    batch.client.terminate_job(jobId=jobs[1], reason="enough")
    for job in jobs[2:]:
        batch.cloud.jobs.move(job, "RUNNING", 1)
    answers: list[bytes] = []
    batch.client.meta.events.register(
        "before-parse.batch.ListJobs", lambda response_dict, **_: answers.append(response_dict["body"])
    )
    lists = {status: list(_pages(batch, held, status)) for status in ("PENDING", "SUCCEEDED", "FAILED")}

    shape = get_session().get_service_model("batch").shape_for("ListJobsResponse")
    for answer in answers:
        report = ParamValidator().validate(json.loads(answer), shape)
        assert not report.has_errors(), report.generate_report()
    summary = shape.members["jobSummaryList"].member.members  # validation ignores what it does not know
    found = [one for answer in answers for one in json.loads(answer)["jobSummaryList"]]
    assert {name for one in found for name in one} <= set(summary)
    assert {name for one in found for name in one["arrayProperties"]} <= set(summary["arrayProperties"].members)

    assert [[one["jobId"] for one in page] for page in lists["PENDING"]] == [jobs[2:4], jobs[4:]]
    ((succeeded,),), ((failed,),) = lists["SUCCEEDED"], lists["FAILED"]
    assert (succeeded["jobId"], failed["jobId"], failed["isTerminated"]) == (jobs[0], jobs[1], True)
    for job in (succeeded, failed):
        assert job["createdAt"] <= job["stoppedAt"]
        assert job["jobDefinition"] == definition


def _pages(batch: Any, queue: str, status: str) -> Any:
    pages = batch.client.get_paginator("list_jobs").paginate(
        jobQueue=queue, jobStatus=status, PaginationConfig={"PageSize": 2}
    )
    return (page["jobSummaryList"] for page in pages)


def test_an_invalid_environment_says_why_and_takes_no_jobs(batch: Any) -> None:
    environment = batch.environment()
    queue = batch.queue(environment)
    batch.cloud.jobs.set_status(environment, "INVALID", "CLIENT_ERROR - no such subnet")
    batch.cloud.jobs.set_status(queue, "INVALID", "no environment is valid")
    parent = batch.run(queue, "true", size=2)
    batch.wait(f"{parent}:1", "RUNNABLE")
    (shown,) = batch.client.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]
    (shown_queue,) = batch.client.describe_job_queues(jobQueues=[queue])["jobQueues"]
    batch.cloud.jobs.set_status(environment, "VALID", "ComputeEnvironment Healthy")

    assert (shown["state"], shown["status"]) == ("ENABLED", "INVALID")
    assert shown["statusReason"] == "CLIENT_ERROR - no such subnet"
    assert (shown_queue["status"], shown_queue["statusReason"]) == ("INVALID", "no environment is valid")
    assert batch.wait(parent)["status"] == "SUCCEEDED"
