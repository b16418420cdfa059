"""ListJobs and DescribeJobs."""

from __future__ import annotations

from typing import Any

import pytest


def test_the_children_of_an_array_of_1500_are_listed_in_two_pages(batch: Any) -> None:
    parent = batch.run(batch.held_queue(), size=1_500)
    batch.wait(f"{parent}:1499", "RUNNABLE")
    batch.cloud.jobs.move(parent, "SUCCEEDED")
    assert batch.wait(parent)["status"] == "SUCCEEDED"
    request = {"arrayJobId": parent, "jobStatus": "SUCCEEDED"}
    first = batch.client.list_jobs(**request)
    second = batch.client.list_jobs(**request, nextToken=first["nextToken"])
    assert (len(first["jobSummaryList"]), len(second["jobSummaryList"])) == (1_000, 500)
    assert "nextToken" not in second
    listed = [one["arrayProperties"]["index"] for one in first["jobSummaryList"] + second["jobSummaryList"]]
    assert listed == list(range(1_500))


def test_a_page_may_be_smaller(batch: Any) -> None:
    parent = batch.run(batch.queue(), "true", size=5)
    batch.wait(parent)
    pages = batch.client.get_paginator("list_jobs").paginate(
        arrayJobId=parent, jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["jobSummaryList"]) for page in pages] == [2, 2, 1]


def test_a_childs_summary_has_the_shape_of_aws(batch: Any) -> None:
    parent = batch.run(batch.queue(), "sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX", size=3)
    batch.wait(parent)
    (last,) = batch.client.list_jobs(arrayJobId=parent, jobStatus="FAILED", maxResults=1000)["jobSummaryList"][1:]
    assert last.pop("createdAt") <= last.pop("startedAt") <= last.pop("stoppedAt")
    assert last == {
        "jobArn": f"arn:aws:batch:us-east-1:123456789012:job/{parent}:2",
        "jobId": f"{parent}:2",
        "jobName": "job",
        "status": "FAILED",
        "statusReason": "Essential container in task exited",
        "container": {"exitCode": 2},
        "arrayProperties": {"index": 2},
    }


def test_only_running_jobs_are_listed_unless_another_status_is_requested(batch: Any) -> None:
    parent = batch.run(batch.queue(), "false", size=2)
    batch.wait(parent)
    assert batch.client.list_jobs(arrayJobId=parent)["jobSummaryList"] == []
    running = batch.run(batch.queue(), "sleep", "60", size=2)
    batch.wait(f"{running}:0", "RUNNING")
    assert batch.client.list_jobs(arrayJobId=running)["jobSummaryList"][0]["jobId"] == f"{running}:0"
    batch.client.terminate_job(jobId=running, reason="seen")
    batch.wait(running)


def test_a_queue_lists_single_jobs_and_parents_but_no_children(batch: Any) -> None:
    queue = batch.queue()
    single, parent = batch.run(queue, "true"), batch.run(queue, "true", size=2)
    batch.wait(single)
    batch.wait(parent)
    listed = batch.client.list_jobs(jobQueue=queue.rsplit("/", 1)[-1], jobStatus="SUCCEEDED")["jobSummaryList"]
    assert [one["jobId"] for one in listed] == [single, parent]
    counts = {"SUBMITTED": 0, "PENDING": 0, "RUNNABLE": 0, "STARTING": 0, "RUNNING": 0, "SUCCEEDED": 2, "FAILED": 0}
    array = listed[1]["arrayProperties"]
    assert listed[1]["createdAt"] <= array.pop("statusSummaryLastUpdatedAt")
    assert array == {"size": 2, "statusSummary": counts}


def test_a_name_filter_shows_jobs_of_every_status_newest_first(batch: Any) -> None:
    queue, definition = batch.queue(), batch.definition("true")
    for name in ("red-1", "blue-1", "red-2"):
        batch.wait(batch.submit(queue, definition, jobName=name))
    found = batch.client.list_jobs(jobQueue=queue, filters=[{"name": "JOB_NAME", "values": ["red*"]}])
    assert [one["jobName"] for one in found["jobSummaryList"]] == ["red-2", "red-1"]


def test_a_list_requires_exactly_one_queue_or_array(batch: Any) -> None:
    with pytest.raises(batch.client.exceptions.ClientException, match="exactly one of"):
        batch.client.list_jobs(jobStatus="FAILED")


@pytest.mark.parametrize("wrong", [{"jobStatus": "DONE"}, {"nextToken": "???"}, {"maxResults": 0}])
def test_a_list_refuses_unknown_values(batch: Any, wrong: dict[str, Any]) -> None:
    queue = batch.queue()
    with pytest.raises(batch.client.exceptions.ClientException, match=next(iter(wrong))):
        batch.client.list_jobs(jobQueue=queue, **wrong)


def test_parents_and_children_are_described_together_without_unknown_jobs(batch: Any) -> None:
    parent = batch.run(batch.queue(), "true", size=2)
    batch.wait(parent)
    found = batch.client.describe_jobs(jobs=[f"{parent}:1", f"{parent}:2", parent, "none"])["jobs"]
    assert [job["jobId"] for job in found] == [f"{parent}:1", parent]
    assert found[0]["container"]["logStreamName"]
    assert found[0]["arrayProperties"] == {"statusSummary": {}, "index": 1}
    assert found[0]["tags"] == {}


def test_at_most_100_jobs_are_described_at_once(batch: Any) -> None:
    with pytest.raises(batch.client.exceptions.ClientException, match="at most 100"):
        batch.client.describe_jobs(jobs=[str(number) for number in range(101)])
