"""The events of array jobs: their content and order, through real rules into real queues."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

STATES = ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]  # of a child, with an event each
FINISHED = ("SUCCEEDED", "FAILED")


def by_job(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        found.setdefault(event["detail"]["jobId"], []).append(event["detail"])
    return found


def test_an_array_of_seven_raises_eight_finished_events_and_its_parent_comes_last(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "true", size=7)
    events = watched.events(*FINISHED)
    assert sorted(event["detail"]["jobId"] for event in events[:-1]) == [f"{parent}:{index}" for index in range(7)]
    assert events[-1]["detail"]["jobId"] == parent
    assert {event["detail"]["status"] for event in events} == {"SUCCEEDED"}


def test_every_change_of_state_but_the_submission_is_an_event_in_order(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "true", size=2)
    events = by_job(watched.events())
    assert [detail["status"] for detail in events[parent]] == ["PENDING", "SUCCEEDED"]
    for index in range(2):
        assert [detail["status"] for detail in events[f"{parent}:{index}"]] == STATES


def test_the_envelope_names_the_job_its_account_and_its_region(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    job = batch.run(queue, "true")
    (event,) = watched.events("SUCCEEDED")
    assert event["source"] == "aws.batch"
    assert event["detail-type"] == "Batch Job State Change"
    assert (event["account"], event["region"]) == ("123456789012", "us-east-1")
    assert event["resources"] == [f"arn:aws:batch:us-east-1:123456789012:job/{job}"]
    assert event["time"].endswith("Z")


def test_a_finished_parent_has_size_and_counts_and_no_fields_of_a_container_that_ran(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "true", size=2)
    detail = by_job(watched.events())[parent][-1]
    summary = detail["arrayProperties"].pop("statusSummary")
    assert summary == {state: 0 for state in ["SUBMITTED", "PENDING", *STATES, "FAILED"]} | {"SUCCEEDED": 2}
    assert detail["arrayProperties"].pop("statusSummaryLastUpdatedAt") >= detail["createdAt"]
    assert detail["arrayProperties"] == {"size": 2}
    assert detail["attempts"] == []
    assert not {"exitCode", "containerInstanceArn", "taskArn"} & set(detail["container"])
    assert "statusReason" not in detail


def test_one_failed_child_fails_the_parent_after_all_have_ended(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "sh", "-c", 'test "$AWS_BATCH_JOB_ARRAY_INDEX" != 1', size=4)
    details = [event["detail"] for event in watched.events(*FINISHED)]
    assert Counter(detail["status"] for detail in details) == {"SUCCEEDED": 3, "FAILED": 2}
    failed = next(detail for detail in details if detail["jobId"] == f"{parent}:1")
    assert (failed["statusReason"], failed["container"]["exitCode"]) == ("Essential container in task exited", 1)
    assert details[-1]["jobId"] == parent
    assert details[-1]["statusReason"] == "Array Child Job failed"
    assert details[-1]["arrayProperties"]["statusSummary"]["FAILED"] == 1


def test_a_child_carries_its_index_an_empty_summary_and_its_parents_arn_as_tag(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "true", size=2, tags={"team": "blue"})
    for detail in by_job(watched.events())[f"{parent}:1"]:
        assert detail["arrayProperties"] == {"statusSummary": {}, "index": 1}
        assert detail["jobArn"].endswith(f":job/{parent}:1")
        assert detail["tags"] == {"resourceArn": detail["jobArn"].removesuffix(":1"), "team": "blue"}


def test_a_single_job_has_no_array_properties(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    job = batch.run(queue, "true")
    details = by_job(watched.events())[job]
    assert [detail["status"] for detail in details] == STATES
    assert all("arrayProperties" not in detail for detail in details)


@pytest.mark.parametrize("kind", ["EC2", "SPOT"])
def test_on_ec2_a_child_has_a_container_instance_once_it_is_placed(batch: Any, kind: str) -> None:
    queue = batch.queue(kind=kind)
    watched = batch.watch(queue)
    parent = batch.run(queue, "true", size=2)
    events = by_job(watched.events())
    for detail in events[f"{parent}:0"]:
        placed = detail["status"] in ("STARTING", "RUNNING", "SUCCEEDED")
        assert ("containerInstanceArn" in detail["container"], "taskArn" in detail["container"]) == (placed, placed)
        assert detail["container"]["networkInterfaces"] == []
    (attempt,) = events[f"{parent}:0"][-1]["attempts"]
    assert attempt["container"]["containerInstanceArn"] == detail["container"]["containerInstanceArn"]
    assert ":container-instance/AWSBatch-environment-" in attempt["container"]["containerInstanceArn"]


@pytest.mark.parametrize("kind", ["FARGATE", "FARGATE_SPOT"])
def test_on_fargate_no_job_has_a_container_instance(batch: Any, kind: str) -> None:
    queue = batch.queue(kind=kind)
    watched = batch.watch(queue)
    parent = batch.run(queue, "true", size=2)
    events = watched.events()
    assert "containerInstanceArn" not in str(events)
    last = by_job(events)[f"{parent}:1"][-1]
    assert last["container"]["fargatePlatformConfiguration"] == {"platformVersion": "LATEST"}
    assert last["container"]["taskArn"] == last["attempts"][0]["container"]["taskArn"]
    (interface,) = last["container"]["networkInterfaces"]
    assert set(interface) == {"attachmentId", "privateIpv4Address"}


def test_an_array_of_seven_finishes_in_less_than_a_second(batch: Any) -> None:
    queue = batch.queue()
    job = batch.wait(batch.run(queue, "echo", "red", size=7))
    children = batch.client.describe_jobs(jobs=[f"{job['jobId']}:{index}" for index in range(7)])["jobs"]
    assert max(child["stoppedAt"] for child in children) - job["createdAt"] < 1_000  # ms


@pytest.mark.parametrize("size", [-1, 0, 1, 10_001])
def test_an_array_has_2_to_10000_children(batch: Any, size: int) -> None:
    queue, definition = batch.queue(), batch.definition("true")
    with pytest.raises(batch.client.exceptions.ClientException, match="2 to 10,000"):
        batch.submit(queue, definition, arrayProperties={"size": size})
