"""Which notifiers get a job by its tags, and where the tags come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchbell.contract import FailureGroup, Message, Severity
from batchbell.dispatcher.intake import Intake
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.failures import LookUpBudget
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.timing import Deadline, Timing


class Nobody:
    def send(self, message: Message) -> None:
        raise AssertionError("nothing is sent here")


INSTANCES = (
    Instance("genomics", Nobody(), tags={"team": ["genomics", "ml-*"]}),
    Instance("both", Nobody(), tags={"team": ["genomics"], "stage": ["prod"]}),
    Instance("share", Nobody(), tags={"shareIdentifier": ["blue"]}),
    Instance("all", Nobody()),
)


class Batch:
    """Describes the job with these tags, or refuses to."""

    def __init__(self, tags: Mapping[str, str] | None = None, error: str = "") -> None:
        self.tags, self.error, self.calls = tags, error, 0

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        self.calls += 1
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "DescribeJobs")
        return {"jobs": [] if self.tags is None else [{"jobId": one, "tags": self.tags} for one in jobs]}

    def list_jobs(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        return {"jobSummaryList": []}


@pytest.fixture
def takers(event: Callable[..., dict[str, Any]]) -> Callable[..., list[str]]:
    """Returns who gets a job with this detail in its event, and the owner that its message names."""

    def takers(batch: Batch, *instances: Instance, owner_tag: str = "", **detail: Any) -> list[str]:
        found = event("parent-succeeded", **detail)
        if detail.get("tags") == "missing":
            del found["detail"]["tags"]
        record = {"messageId": "1", "body": json.dumps(found)}
        intake = Intake(instances or INSTANCES, batch, Timing(), Origin(), owner_tag=owner_tag)
        work = intake.accept([record], LookUpBudget(Deadline.after(60))).work
        return [
            name + (f" for {one.message.owner}" if one.message.owner else "")
            for name, waiting in work.by_notifier().items()
            for one in waiting
        ]

    return takers


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ({"team": "genomics", "stage": "prod"}, ["genomics", "both", "all"]),
        ({"team": "genomics"}, ["genomics", "all"]),
        ({"team": "ml-vision", "stage": "prod"}, ["genomics", "all"]),
        ({"team": "Genomics"}, ["all"]),
        ({"resourceArn": "genomics"}, ["all"]),
        ({}, ["all"]),
    ],
)
def test_each_tag_of_a_filter_must_match_one_of_its_patterns(
    takers: Callable[..., list[str]], tags: Mapping[str, str], names: list[str]
) -> None:
    batch = Batch()

    assert takers(batch, tags=tags) == names
    assert batch.calls == 0


def test_the_share_identifier_counts_as_a_tag(takers: Callable[..., list[str]]) -> None:
    assert takers(Batch(), tags={}, shareIdentifier="blue") == ["share", "all"]


def test_tags_that_the_event_does_not_have_are_looked_up_where_somebody_asks(
    takers: Callable[..., list[str]],
) -> None:
    batch = Batch({"team": "genomics", "owner": "alice"})

    assert takers(batch, tags="missing") == ["genomics", "all"]
    assert batch.calls == 1
    assert takers(batch, INSTANCES[3], tags="missing", owner_tag="owner") == ["all for alice"]
    assert batch.calls == 2
    assert takers(batch, INSTANCES[3], tags="missing") == ["all"]
    assert batch.calls == 2


def test_a_share_identifier_alone_does_not_count_as_all_tags(takers: Callable[..., list[str]]) -> None:
    """A filter by team would leave the job out, though AWS has its team."""
    batch = Batch({"team": "genomics"})

    assert takers(batch, tags="missing", shareIdentifier="blue") == ["genomics", "all"]
    assert batch.calls == 1


@pytest.mark.parametrize("batch", [Batch(error="TooManyRequestsException"), Batch(None)])
def test_unknown_tags_keep_no_message_from_anybody(takers: Callable[..., list[str]], batch: Batch) -> None:
    assert takers(batch, tags="missing") == ["genomics", "both", "share", "all"]


def test_a_flood_of_events_without_tags_leaves_the_look_ups_of_failures_their_budget(
    event: Callable[..., dict[str, Any]],
) -> None:
    """One call describes all jobs of an invocation; ListJobs is asked by the one that failed."""
    events = [
        event(
            "parent-succeeded", jobId=f"job-{number}", jobArn=f"arn:aws:batch:us-east-1:123456789012:job/job-{number}"
        )
        for number in range(9)
    ]
    for one in [*events, failed := event("parent-failed"), blocked := event("queue-blocked")]:
        one["detail"].pop("tags", None)
    records = [
        {"messageId": str(number), "body": json.dumps(one)} for number, one in enumerate([*events, failed, blocked])
    ]
    batch, budget = Batch({"team": "genomics", "owner": "alice"}), LookUpBudget(Deadline.after(60))
    intake = Intake(INSTANCES[:1], batch, Timing(), Origin(), owner_tag="owner")
    messages = [one.message for one in intake.accept(records, budget).work.by_notifier()["genomics"]]

    assert {message.owner for message in messages} == {"alice"}
    assert all(message.facts[0].value == "alice" for message in messages)
    assert batch.calls == 2
    assert [note for message in messages for note in message.notes if "too many" in note] == []


def test_a_message_whose_tags_are_unknown_says_so_where_they_are_filtered(
    event: Callable[..., dict[str, Any]],
) -> None:
    found = event("parent-succeeded")
    del found["detail"]["tags"]
    intake = Intake(INSTANCES, Batch(error="TooManyRequestsException"), Timing(), Origin())
    work = intake.accept([{"messageId": "1", "body": json.dumps(found)}], LookUpBudget(Deadline.after(60))).work
    notes = {name: one.message.notes for name, waiting in work.by_notifier().items() for one in waiting}

    assert "could not be looked up" in notes["genomics"][0]
    assert notes["all"] == ()


def test_a_notifier_shows_as_many_log_lines_as_it_was_composed(failed_message: Message) -> None:
    (group,) = failed_message.failures

    assert Instance("ops", Nobody()).shown(failed_message, {}) == failed_message
    assert Instance("ops", Nobody(), log_lines=2).shown(failed_message, {}).failures[0].log_lines == ("b", "c")
    none = Instance("ops", Nobody(), log_lines=0).shown(failed_message, {}).failures[0]
    assert (none.log_lines, none.log_problem) == ((), "")
    assert group.log_lines == ("a", "b", "c")


@pytest.fixture
def failed_message() -> Message:
    group = FailureGroup("failed", 1, "0", 1, log_lines=("a", "b", "c"), log_problem="why")
    return Message("key", "array-job", "FAILED", Severity.FAILURE, "title", "summary", "nightly", failures=(group,))
