"""Records that come twice, in another order, broken, or as large as SQS takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.watched import CLAIM, NOBODY, NOTIFIERS, ONCE, PLACE, SENT, Job, Watched, answer_in_turn

LARGEST = 1_048_576  # bytes; SQS API reference, SendMessage
SECRET = "hunter2"  # what the containers' environments of tests/events hold, too


@dataclass(frozen=True)
class Array:
    """An array job's events: its parent's, of children, and of states in between."""

    parent: Job
    child: dict[str, Any]
    running: dict[str, Any]

    def events(self, order: str) -> list[dict[str, Any]]:
        """Such as "rcpp": r for running, c for a child, p for the parent; each p has an id of its own."""
        known = {"p": self.parent.event, "c": self.child, "r": self.running}
        return [known[letter] | {"id": f"event-{number}"} for number, letter in enumerate(order)]


@pytest.fixture
def array(watched: Watched) -> Array:
    stack = watched.stack
    batch, queues = stack.cloud.client("batch"), [stack.deployment.outputs["job_queue_name"]]
    (queue,) = (one["jobQueueArn"] for one in batch.describe_job_queues(jobQueues=queues)["jobQueues"])
    parent = watched.job(jobQueue=queue)
    job_id = parent.event["detail"]["jobId"]
    of_child = {"jobId": f"{job_id}:3", "jobArn": f"{PLACE}:job/{job_id}:3"}
    child = watched.read_event("child-failed-ec2", jobName=parent.name, jobQueue=queue, **of_child)
    running = parent.event | {"detail": parent.event["detail"] | {"status": "RUNNING"}}
    return Array(parent, child, running)


@pytest.mark.parametrize("batches", [["pp"], ["rcppcpr"], ["p", "p", "p"], ["crp", "pc", "rp"]])
def test_a_job_whose_events_come_again_or_out_of_order_is_told_once(watched, array, batches):
    name = array.parent.name
    for order in batches:
        watched.take("intake_queue_url", False)
        watched.stack.cloud.raise_events(array.events(order))
        # Of all that Batch raises, the rule lets through what ends a parent.
        assert watched.stack.in_queue("intake_queue_url") == order.count("p")
        watched.take("intake_queue_url", True)
        watched.settle()

    assert watched.told(name) == ONCE
    assert watched.rows(array.parent) == SENT
    for notifier in NOTIFIERS:
        assert watched.outcomes(name, notifier) == ["sent"] + ["already-sent"] * (len(batches) - 1)


def test_invocations_that_get_the_same_job_at_the_same_time_tell_it_once(watched, array):
    stack, job = watched.stack, array.parent
    watched.invoke_with(records=1)
    _start_processes(watched, 3)
    claims = stack.cloud.fail("dynamodb:UpdateItem", holds=job.step("slack", CLAIM))
    # Slack answers only when the others have been refused the claim.
    stack.sink.on_accepted(lambda body: stack.wait_until(lambda: len(claims.hits) == 3, "asked by all three"))
    stack.cloud.raise_events(array.events("ppp"))
    watched.settle()
    stack.sink.on_accepted(lambda body: None)
    claims.clear()
    watched.invoke_with(records=10)

    assert watched.told(job.name) == ONCE
    assert watched.rows(job) == SENT
    assert sorted(watched.outcomes(job.name, "slack")) == ["already-sent", "already-sent", "sent"]


def _start_processes(watched: Watched, number: int) -> None:
    """Have so many of the function's at once, so that none of them is started while another one waits."""
    jobs = [watched.job() for _ in range(number)]
    watched.stack.sink.answer_with(answer_in_turn({job.name: [SlackResponse(delay=1.5)] for job in jobs}))
    watched.stack.send(*(job.event for job in jobs))
    watched.settle()


@dataclass(frozen=True)
class Odd:
    """`bodies`: by what is the matter with them; `good`: a job in the midst of them."""

    watched: Watched
    good: Job
    dead: Sequence[Mapping[str, Any]]


def _pad(event: dict[str, Any], size: int) -> str:
    """As JSON of so many bytes, by its container's environment."""
    environment: list[dict[str, str]] = [{"name": "TOKEN", "value": ""}]
    detail = event["detail"] | {"container": event["detail"]["container"] | {"environment": environment}}
    missing = size - len(json.dumps(event | {"detail": detail}))
    environment[0]["value"] = (SECRET * (missing // len(SECRET) + 1))[:missing]
    return json.dumps(event | {"detail": detail})


ODD = {
    "the record is not JSON": "{" + SECRET,
    "the record is not a JSON object": [SECRET],
    "source is not aws.batch": {"source": "aws.ec2", "detail": {"container": {"environment": [SECRET]}}},
    "detail-type is not 'Batch Job State Change'": {"source": "aws.batch", "detail-type": "Other", "detail": [SECRET]},
    "detail has no jobArn": {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": {"x": SECRET}},
    "not a ticket: KeyError": {"ticket": 1, "secret": SECRET},
}
"""Bodies by the reason in their dead letters."""


@pytest.fixture(scope="module")
def odd(watched: Watched) -> Iterator[Odd]:
    stack, good = watched.stack, watched.job()
    watched.invoke_with(records=10)
    stack.send(*ODD.values(), good.event)
    watched.settle()
    yield Odd(watched, good, stack.dead_letters())


@pytest.mark.parametrize("reason", ODD)
def test_what_is_no_event_of_a_job_is_a_dead_letter_with_its_reason(odd, reason):
    (letter,) = (letter for letter in odd.dead if letter["reason"] == reason)

    assert SECRET not in json.dumps(letter)


def test_the_job_among_odd_records_is_told_once_and_nothing_else_is_dead(odd):
    assert odd.watched.told(odd.good.name) == ONCE
    assert len(odd.dead) == len(ODD)


def test_the_largest_event_that_sqs_takes_is_told_once(watched):
    job = watched.job("parent-failed")
    body = _pad(job.event, LARGEST)
    watched.stack.send(body)
    watched.settle()

    assert len(body.encode()) == LARGEST
    assert watched.told(job.name) == ONCE
    assert not any(SECRET in text for texts in watched.texts(job.name).values() for text in texts)
    assert SECRET not in watched.stack.log()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"detail-type": "Other"}, "detail-type is not 'Batch Job State Change'"),
        ({"source": "x"}, "source is not aws.batch"),
    ],
)
def test_the_largest_record_that_is_no_event_of_a_job_is_a_small_dead_letter(watched, change, reason):
    job = watched.job()
    watched.stack.send(_pad(dict(job.event) | change, LARGEST))
    watched.settle()
    (letter,) = watched.stack.dead_letters()

    assert (letter["reason"], letter["size"], letter["record"]["detail"]["jobName"]) == (reason, LARGEST, job.name)
    assert len(json.dumps(letter)) < 2_000
    assert SECRET not in json.dumps(letter) + watched.stack.log()
    assert watched.told(job.name) == NOBODY


def test_a_large_event_whose_channel_is_down_becomes_a_small_ticket(watched):
    stack, job = watched.stack, watched.job("parent-failed")
    watched.take("retry_queue_url", False)
    tickets = stack.cloud.fail("sqs:SendMessage", holds=job.name)  # looks on
    stack.sink.answer(status=500)
    stack.send(_pad(job.event, LARGEST))
    stack.wait_until(lambda: stack.in_queue("retry_queue_url") == 1, "a ticket")
    stack.sink.answer(status=200)
    watched.take("retry_queue_url", True)
    watched.settle()
    (ticket,) = tickets.hits

    assert SECRET not in ticket
    assert len(ticket) < 10_000
    assert watched.told(job.name) == ONCE
