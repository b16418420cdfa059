"""ListJobs and DescribeJobs."""

from __future__ import annotations

from typing import Any

import pytest


def test_the_children_of_an_array_of_1500_come_in_two_pages(bench: Any) -> None:
    parent = bench.run(bench.queue(), "true", size=1_500)
    assert bench.wait(parent)["status"] == "SUCCEEDED"
    request = {"arrayJobId": parent, "jobStatus": "SUCCEEDED"}
    first = bench.batch.list_jobs(**request)
    second = bench.batch.list_jobs(**request, nextToken=first["nextToken"])
    assert (len(first["jobSummaryList"]), len(second["jobSummaryList"])) == (1_000, 500)
    assert "nextToken" not in second
    listed = [one["arrayProperties"]["index"] for one in first["jobSummaryList"] + second["jobSummaryList"]]
    assert listed == list(range(1_500))


def test_a_page_may_be_smaller(bench: Any) -> None:
    parent = bench.run(bench.queue(), "true", size=5)
    bench.wait(parent)
    pages = bench.batch.get_paginator("list_jobs").paginate(
        arrayJobId=parent, jobStatus="SUCCEEDED", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["jobSummaryList"]) for page in pages] == [2, 2, 1]


def test_a_childs_summary_is_shaped_as_awss(bench: Any) -> None:
    parent = bench.run(bench.queue(), "sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX", size=3)
    bench.wait(parent)
    (last,) = bench.batch.list_jobs(arrayJobId=parent, jobStatus="FAILED", maxResults=1000)["jobSummaryList"][1:]
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


def test_only_running_jobs_are_listed_unless_another_status_is_asked_for(bench: Any) -> None:
    parent = bench.run(bench.queue(), "false", size=2)
    bench.wait(parent)
    assert bench.batch.list_jobs(arrayJobId=parent)["jobSummaryList"] == []
    running = bench.run(bench.queue(), "sleep", "60", size=2)
    bench.wait(f"{running}:0", "RUNNING")
    assert bench.batch.list_jobs(arrayJobId=running)["jobSummaryList"][0]["jobId"] == f"{running}:0"
    bench.batch.terminate_job(jobId=running, reason="seen")
    bench.wait(running)


def test_a_queue_lists_single_jobs_and_parents_but_no_children(bench: Any) -> None:
    queue = bench.queue()
    single, parent = bench.run(queue, "true"), bench.run(queue, "true", size=2)
    bench.wait(single)
    bench.wait(parent)
    listed = bench.batch.list_jobs(jobQueue=queue.rsplit("/", 1)[-1], jobStatus="SUCCEEDED")["jobSummaryList"]
    assert [one["jobId"] for one in listed] == [single, parent]
    assert listed[1]["arrayProperties"] == {"size": 2}


def test_a_name_filter_shows_jobs_of_every_status_newest_first(bench: Any) -> None:
    queue, definition = bench.queue(), bench.definition("true")
    for name in ("red-1", "blue-1", "red-2"):
        bench.wait(bench.submit(queue, definition, jobName=name))
    found = bench.batch.list_jobs(jobQueue=queue, filters=[{"name": "JOB_NAME", "values": ["red*"]}])
    assert [one["jobName"] for one in found["jobSummaryList"]] == ["red-2", "red-1"]


def test_a_list_needs_to_know_of_what(bench: Any) -> None:
    with pytest.raises(bench.batch.exceptions.ClientException, match="exactly one of"):
        bench.batch.list_jobs(jobStatus="FAILED")


@pytest.mark.parametrize("wrong", [{"jobStatus": "DONE"}, {"nextToken": "???"}, {"maxResults": 0}])
def test_a_list_refuses_what_it_does_not_know(bench: Any, wrong: dict[str, Any]) -> None:
    queue = bench.queue()
    with pytest.raises(bench.batch.exceptions.ClientException, match=next(iter(wrong))):
        bench.batch.list_jobs(jobQueue=queue, **wrong)


def test_parents_and_children_are_described_together_and_unknown_ones_left_out(bench: Any) -> None:
    parent = bench.run(bench.queue(), "true", size=2)
    bench.wait(parent)
    found = bench.batch.describe_jobs(jobs=[f"{parent}:1", f"{parent}:2", parent, "none"])["jobs"]
    assert [job["jobId"] for job in found] == [f"{parent}:1", parent]
    assert found[0]["container"]["logStreamName"]
    assert found[0]["arrayProperties"] == {"statusSummary": {}, "index": 1}
    assert found[0]["tags"] == {}


def test_at_most_100_jobs_are_described_at_once(bench: Any) -> None:
    with pytest.raises(bench.batch.exceptions.ClientException, match="at most 100"):
        bench.batch.describe_jobs(jobs=[str(number) for number in range(101)])
