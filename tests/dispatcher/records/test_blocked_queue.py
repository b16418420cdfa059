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
from batchbell.dispatcher.records.job import InvalidEvent
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


def test_a_repetition_has_the_same_key_and_another_day_job_queue_or_reason_another_one(event):
    def key(at="2025-11-20T03:12:45Z", **detail):
        return BlockedQueue.from_event(event("queue-blocked", **detail) | {"time": at, "id": str(uuid.uuid4())}).key

    others = [
        key(at="2025-11-21T00:00:00Z"),
        key(jobId="another"),
        key(jobQueue="arn:aws:batch:us-east-1:123456789012:job-queue/other"),
        key(statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"),
    ]
    assert key() == key(at="2025-11-20T23:59:59Z")
    assert len({key(), *others}) == 5


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
    ],
)
def test_another_event_is_refused_with_the_reason(blocked, change, reason):
    with pytest.raises(InvalidEvent, match=reason):
        BlockedQueue.from_event(blocked | change)


def test_an_event_whose_key_is_too_long_is_refused(event):
    with pytest.raises(UnreadableRecord, match="too long"):
        parse_record(json.dumps(event("queue-blocked", jobQueue="arn:aws:batch:" + "x" * 3_000)), now=5.0)


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
    job = {"jobId": str(uuid.uuid4())}
    first, again, tomorrow = (
        event("queue-blocked", **job) | {"time": time}
        for time in ("2025-11-20T03:12:45Z", "2025-11-20T03:17:45Z", "2025-11-21T00:00:00Z")
    )

    assert invocation.run(first, again) == invocation.run(again) == []
    assert [len(channel.got) for channel in (on_call, failures, all_of_it, other)] == [1, 0, 1, 0]
    invocation.run(tomorrow)
    assert len(on_call.got) == 2
