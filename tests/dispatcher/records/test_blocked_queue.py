"""A blocked job queue: one message a day and reason on every channel that takes it, even if AWS repeats the event."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from batchbell.contract import Message, Severity
from batchbell.dispatcher.messages.queue_blocked import compose_blocked
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.json_object import InvalidEvent
from batchbell.dispatcher.records.parse import UnreadableRecord, parse_record

REASON = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - the job asks for more than any instance has"


@pytest.fixture
def blocked(event):
    return event("queue-blocked")


def message_of(event):
    return compose_blocked(BlockedQueue.from_event(event))


def test_it_says_which_queue_and_job_and_why_and_since_when(blocked):
    message = message_of(blocked)

    assert message.title == "Job queue nightly is blocked by nightly-render"
    assert (message.kind, message.status, message.severity) == ("queue-blocked", "BLOCKED", Severity.WARNING)
    assert {fact.label: fact.value for fact in message.facts} == {
        "Reason": REASON,
        "Job queue": "nightly",
        "Job": "nightly-render",
        "Job definition": "render:12",
        "Waiting for": "12 min 44 s",
        "Time": "2025-11-20 03:12:45 UTC",
        "Job id": "9a51c2d0-3333-4d0c-8b11-cccccccccccc",
    }
    assert [link.url.partition("#")[2] for link in message.links] == [
        "queues/detail/arn:aws:batch:us-east-1:123456789012:job-queue/nightly",
        "jobs/detail/9a51c2d0-3333-4d0c-8b11-cccccccccccc",
    ]
    assert (message.queue, message.job_name) == ("nightly", "nightly-render")
    assert Message.from_dict(message.to_dict()) == message
    assert "hunter2" not in message.to_json()


def test_its_times_are_those_of_the_stacks_zone(blocked):
    message = compose_blocked(BlockedQueue.from_event(blocked), ZoneInfo("Europe/Berlin"))

    assert "2025-11-20 04:12:45 CET" in [fact.value for fact in message.facts]


@pytest.fixture
def key(event):
    def make(name="queue-blocked", at="2025-11-20T03:12:45Z", **detail):
        return BlockedQueue.from_event(event(name, **detail) | {"time": at, "id": str(uuid.uuid4())}).key

    return make


def test_a_repetition_has_the_same_key_and_another_day_queue_or_reason_another_one(key):
    others = [
        key(at="2025-11-21T00:00:00Z"),
        key(jobQueue="arn:aws:batch:us-east-1:123456789012:job-queue/other"),
        key(statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"),
        key(statusReason=None),
    ]
    assert key() == key(at="2025-11-20T23:59:59Z")
    assert len({key(), *others}) == 5


def test_whichever_job_is_at_the_head_of_the_queue_the_key_is_the_same(key):
    child = "queue-blocked-by-child"  # of an array

    assert len({key(), key(jobId="another", jobName="weekly"), key(child), key(child, jobId="9a51c2d0:1")}) == 1


@pytest.mark.parametrize(
    "code",
    [
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
        "ACTION_REQUIRED",
        "UNDETERMINED",
    ],
)
def test_a_reason_is_known_by_its_code_since_the_rest_names_an_instance_type(key, code):
    keys = {
        key(statusReason=f"{code}{rest}") for rest in ("", " - for [m5.large]", " - for [c5.large]", " \u2013 for [p5]")
    }

    assert len(keys) == 1
    assert keys != {key()}


def test_reasons_without_a_code_are_compared_whole(key):
    assert len({key(statusReason=reason) for reason in ("A queue waits", "A queue - waits", "Waits", "EC2 waits")}) == 4


def test_the_day_in_the_key_is_utcs_whatever_the_events_time_zone(blocked):
    assert BlockedQueue.from_event(blocked | {"time": "2025-11-21T00:30:00+02:00"}).key.endswith("#2025-11-20")


def test_a_long_reason_does_not_lengthen_the_key(event):
    keys = {len(BlockedQueue.from_event(event("queue-blocked", statusReason="x" * n)).key) for n in (0, 10, 90_000)}

    assert len(keys) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time": "yesterday"}, "the event has no time"),
        ({"time": "2025-11-20T03:12:45"}, "the event has no time"),
        ({"detail-type": "Batch Service Job Queue Blocked"}, "detail-type is not 'Batch Job Queue Blocked'"),
        ({"source": "mine"}, "source is not aws.batch"),
        ({"resources": [], "detail": {"jobId": "9a51c2d0"}}, "which queue it is"),
    ],
)
def test_another_event_is_refused_with_the_reason(blocked, change, reason):
    with pytest.raises(InvalidEvent, match=reason):
        BlockedQueue.from_event(blocked | change)


def test_an_event_whose_key_is_too_long_is_refused(event):
    with pytest.raises(UnreadableRecord, match="too long"):
        parse_record(json.dumps(event("queue-blocked", jobQueue="arn:aws:batch:" + "x" * 3_000)), now=5.0)


def test_the_queue_is_also_known_by_the_events_resources(event, key):
    assert key(jobQueue=None, status=None, jobArn=None) == key()


class Channel:
    def __init__(self):
        self.got = []

    def send(self, message):
        self.got.append(message)


def test_it_is_sent_once_a_day_to_notifiers_whose_filters_take_it(stack, event):
    on_call, failures, all_of_it, other = Channel(), Channel(), Channel(), Channel()
    invocation = stack(on_call=on_call, failures=failures, all=all_of_it, other=other)
    filters: dict[str, dict[str, Any]] = {
        "on_call": {"statuses": ("BLOCKED",)},
        "failures": {"statuses": ("FAILED", "SUCCEEDED")},
        "other": {"jobs": ("weekly-*",)},
    }
    instances = [replace(one, **filters.get(one.name, {})) for one in invocation.dispatcher.instances]
    invocation.dispatcher = replace(invocation.dispatcher, instances=instances)
    queue = f"arn:aws:batch:us-east-1:123456789012:job-queue/{uuid.uuid4()}"
    first, again, tomorrow = (
        event("queue-blocked", jobQueue=queue) | {"time": time}
        for time in ("2025-11-20T03:12:45Z", "2025-11-20T03:17:45Z", "2025-11-21T00:00:00Z")
    )

    assert invocation.run(first, again) == invocation.run(again) == []
    assert [len(channel.got) for channel in (on_call, failures, all_of_it, other)] == [1, 0, 1, 0]
    invocation.run(tomorrow)
    assert len(on_call.got) == 2


def test_a_day_on_which_every_job_at_the_head_of_the_queue_is_cancelled_is_one_message(stack, event):
    """A time limit of 10 minutes on the queue, and array children among the jobs."""
    channel = Channel()
    invocation = stack(ops=channel)
    queue = f"arn:aws:batch:us-east-1:123456789012:job-queue/{uuid.uuid4()}"
    day = [
        event("queue-blocked-by-child", jobId=f"9a51c2d0:{number}", jobQueue=queue)
        | {"time": f"2025-11-20T{number // 6:02}:{number % 6}0:00Z"}
        for number in range(144)
    ]
    for start in range(0, len(day), 10):
        assert invocation.run(*day[start : start + 10]) == []

    (message,) = channel.got
    assert message.notes == (
        "Sent once a day (UTC) for a queue and a reason, whichever jobs are at the head of the queue.",
    )
