from __future__ import annotations

import pytest

from batchbell.dispatcher.records.job import InvalidEvent, Job


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

    assert (job.exit_code, job.attempts, job.created_at, job.log_group) == (None, (), None, "/aws/batch/job")


def test_a_lone_surrogate_in_a_name_is_replaced(event):
    assert Job.from_event(event("parent-succeeded", jobName="night\ud800ly")).name == "night?ly"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "aws.ec2"}, "source is not aws.batch"),
        ({"detail-type": "Batch Job Queue Blocked"}, "detail-type is not"),
        ({"detail": None}, "detail has no jobArn"),
    ],
)
def test_another_event_is_refused_with_the_reason(event, change, reason):
    with pytest.raises(InvalidEvent, match=reason):
        Job.from_event(event("parent-succeeded") | change)


@pytest.mark.parametrize("field", ["jobId", "jobArn", "jobName", "jobQueue", "status"])
def test_a_job_without_a_required_field_is_refused(event, field):
    with pytest.raises(InvalidEvent, match=f"has no {field}"):
        Job.from_event(event("parent-succeeded", **{field: ""}))


@pytest.mark.parametrize("event_", [None, [], "text", 3])
def test_a_value_that_is_not_an_object_is_refused(event_):
    with pytest.raises(InvalidEvent):
        Job.from_event(event_)


def test_the_reason_of_a_refusal_shows_no_values_of_the_event(event):
    with pytest.raises(InvalidEvent) as refused:
        Job.from_event(event("parent-succeeded", jobArn="hunter2"))

    assert "hunter2" not in str(refused.value)
