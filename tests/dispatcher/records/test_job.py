from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest

from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import InvalidEvent

PARTITIONS = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]


def test_a_parent_is_read_with_its_counts(event):
    job = Job.from_event(event("parent-failed"))

    assert (job.name, job.status, job.role, job.array_size) == ("nightly-render", "FAILED", "parent", 7)
    assert (job.counts["SUCCEEDED"], job.counts["FAILED"]) == (4, 3)
    assert (job.queue_name, job.definition_name, job.region) == ("nightly", "render:12", "us-east-1")


def test_the_log_names_a_child_by_its_index_and_a_single_job_as_such(event):
    assert Job.from_event(event("child-failed-ec2")).role == "3"
    assert Job.from_event(event("single-failed")).role == "single"


def test_a_repeated_event_has_the_same_key_and_another_status_another_one(event):
    first, again = event("parent-failed"), event("parent-failed") | {"id": "another", "time": "2026-11-21T00:00:00Z"}

    assert Job.from_event(first).key == Job.from_event(again).key
    assert Job.from_event(first).key != Job.from_event(event("parent-succeeded")).key


def test_optional_fields_may_be_missing_or_of_another_type(event):
    job = Job.from_event(event("parent-succeeded", container=None, attempts="3", createdAt="soon", tags=[]))

    assert (job.exit_code, job.attempts, job.created_at, job.log_group) == (None, (), None, "")


def test_a_lone_surrogate_in_a_name_is_replaced(event):
    assert Job.from_event(event("parent-succeeded", jobName="night\ud800ly")).name == "night?ly"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "aws.ec2"}, "source is not aws.batch"),
        ({"detail-type": "Batch Job Queue Blocked"}, "detail-type is not"),
        ({"detail": None}, "detail has no status"),
    ],
)
def test_another_event_is_refused_with_the_reason(event, change, reason):
    with pytest.raises(InvalidEvent, match=reason):
        Job.from_event(event("parent-succeeded") | change)


def test_an_event_of_2018_is_the_message_that_it_would_be_today(event):
    """AWS wrote no jobArn, tags, platformCapabilities and eksAttempts then."""
    old, today = Job.from_event(event("parent-failed-2018")), Job.from_event(event("parent-failed"))

    assert (old.key, old.queue, old.region, old.log_group) == (today.key, today.queue, today.region, today.log_group)
    message = compose(old, Failures())
    assert message.title == "nightly-render failed: 3 of 7 children"
    assert [link.url for link in message.links] == [link.url for link in compose(today, Failures()).links]


def test_an_event_with_fields_and_kinds_of_containers_that_nobody_knows_is_read_as_far_as_it_goes(event):
    message = compose(Job.from_event(event("parent-failed-tomorrow")), Failures())

    assert message.title == "nightly-render failed: 3 of 7 children"
    assert [link.label for link in message.links] == ["Job in the AWS console"]  # nobody knows where the log is
    assert "hunter2" not in message.to_json()


def test_a_status_that_nobody_knows_is_named(event):
    assert compose(Job.from_event(event("parent-failed", status="PREEMPTED")), Failures()).title == (
        "nightly-render is PREEMPTED"
    )


@pytest.mark.parametrize(
    "without",
    [
        ("jobArn",),
        ("jobId",),
        ("jobArn", "jobId"),
        ("jobArn", "resources"),
        ("jobId", "resources"),
        ("jobArn", "resources", "jobQueue"),
        ("jobArn", "resources", "jobQueue", "jobDefinition"),  # of these account and Region remain
        ("jobId", "resources", "account", "region"),
        ("jobArn", "account", "region", "resources"),
    ],
)
@pytest.mark.parametrize("name", ["parent-failed", "single-failed", "child-failed-fargate", "node-succeeded"])
def test_a_job_is_known_by_whatever_names_it(event, name, without):
    whole = event(name)
    detail = {field: value for field, value in whole["detail"].items() if field not in without}
    less = {field: value for field, value in whole.items() if field not in without} | {"detail": detail}

    assert Job.from_event(less).key == Job.from_event(whole).key
    assert Job.from_event(less).id == Job.from_event(whole).id


def test_a_field_that_says_nothing_is_as_good_as_none(event):
    odd = event("parent-failed", jobArn="?", jobId=7, jobQueue=None, jobDefinition=[], jobName="")
    job = Job.from_event(odd | {"resources": [None, "x", *odd["resources"]]})

    assert job.key == Job.from_event(event("parent-failed")).key
    assert job.name == job.id
    message = compose(job, Failures())
    assert message.summary == "Array job, 12 min 44 s after it was submitted"
    assert "Job queue" not in [fact.label for fact in message.facts]


def test_a_childs_arn_has_its_index_even_if_resources_name_its_parent(event):
    child = event("child-failed-fargate")
    parents = child["detail"]["tags"]["resourceArn"]
    del child["detail"]["jobArn"]

    assert Job.from_event(child | {"resources": [parents]}).arn == f"{parents}:3"


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition["id"])
def test_the_region_says_which_partition_it_is(event, partition):
    for region in partition["regions"]:
        bare = event("parent-failed-2018", jobQueue="nightly", jobDefinition="render:12")
        job = Job.from_event(bare | {"resources": [], "region": region})
        if not region.startswith("aws-"):  # the endpoints of global services
            assert (job.partition, job.region) == (partition["id"], region)


def test_an_event_that_does_not_say_which_job_or_status_is_refused(event):
    with pytest.raises(InvalidEvent, match="which job it is"):
        Job.from_event(event("parent-succeeded", jobId="", jobArn=None) | {"resources": "x"})
    with pytest.raises(InvalidEvent, match="has no status"):
        Job.from_event(event("parent-succeeded", status=""))


@pytest.mark.parametrize("event_", [None, [], "text", 3])
def test_a_value_that_is_not_an_object_is_refused(event_):
    with pytest.raises(InvalidEvent):
        Job.from_event(event_)


def test_the_reason_of_a_refusal_shows_no_values_of_the_event(event):
    with pytest.raises(InvalidEvent) as refused:
        Job.from_event(event("parent-succeeded", jobArn="hunter2", status=["hunter2"]))

    assert "hunter2" not in str(refused.value)
