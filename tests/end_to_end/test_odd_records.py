"""Records that come twice, out of order, invalid, or as large as SQS accepts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.observed_stack import (
    BATCH_ARN,
    CLAIM,
    NOTHING,
    NOTIFIERS,
    SENT,
    FinishedJob,
    ObservedStack,
    answer_in_turn,
)

LARGEST = 1_048_576  # bytes; SQS API reference, SendMessage
SECRET = "hunter2"  # as in the containers' environments in tests/events


@dataclass(frozen=True)
class Array:
    """The events of an array job: the end of the parent, the end of a child, and the parent running."""

    parent: FinishedJob
    child: dict[str, Any]
    running: dict[str, Any]

    def events(self, order: str) -> list[dict[str, Any]]:
        """Return events in an order like "rcpp" (r: running, c: child, p: parent), each with its own event id."""
        known = {"p": self.parent.event, "c": self.child, "r": self.running}
        return [known[letter] | {"id": f"event-{number}"} for number, letter in enumerate(order)]


@pytest.fixture
def array(observed: ObservedStack) -> Array:
    stack = observed.stack
    batch, queues = stack.cloud.client("batch"), [stack.deployment.outputs["job_queue_name"]]
    (queue,) = (one["jobQueueArn"] for one in batch.describe_job_queues(jobQueues=queues)["jobQueues"])
    parent = observed.job(jobQueue=queue)
    job_id = parent.event["detail"]["jobId"]
    of_child = {"jobId": f"{job_id}:3", "jobArn": f"{BATCH_ARN}:job/{job_id}:3"}
    child = observed.read_event("child-failed-ec2", jobName=parent.name, jobQueue=queue, **of_child)
    running = parent.event | {"detail": parent.event["detail"] | {"status": "RUNNING"}}
    return Array(parent, child, running)


@pytest.mark.parametrize("batches", [["pp"], ["rcppcpr"], ["p", "p", "p"], ["crp", "pc", "rp"]])
def test_a_job_whose_events_come_again_or_out_of_order_is_sent_once(observed, array, batches):
    name = array.parent.name
    for order in batches:
        observed.set_mapping_enabled("intake_queue_url", False)
        observed.stack.cloud.raise_events(array.events(order))
        # The rule only matches the end of a parent.
        assert observed.stack.in_queue("intake_queue_url") == order.count("p")
        observed.set_mapping_enabled("intake_queue_url", True)
        observed.wait_until_idle()

    assert observed.unexplained(name) == {}
    assert observed.ledger_rows(array.parent) == SENT
    outcomes = ["sent"] + ["already-sent"] * (len(batches) - 1)
    assert observed.unexpected(name, dict.fromkeys(NOTIFIERS, outcomes)) == {}


def test_invocations_that_get_the_same_job_at_the_same_time_send_it_once(observed, array):
    stack, job = observed.stack, array.parent
    observed.set_batch_size(1)
    _start_processes(observed, 3)
    claims = stack.cloud.fail("dynamodb:UpdateItem", holds=job.ledger_call("slack", CLAIM))
    # Slack answers only when the ledger has refused the claims of the others.
    stack.sink.on_accepted(lambda body: stack.wait_until(lambda: len(claims.hits) == 3, "claimed by all three"))
    stack.cloud.raise_events(array.events("ppp"))
    observed.wait_until_idle()
    stack.sink.on_accepted(lambda body: None)
    claims.clear()
    observed.set_batch_size(10)

    assert observed.unexplained(job.name) == {}
    assert observed.ledger_rows(job) == SENT
    assert sorted(observed.outcomes(job.name, "slack")) == ["already-sent", "already-sent", "sent"]


def _start_processes(observed: ObservedStack, number: int) -> None:
    """Start so many processes of the function now, so that none has to start later while another one waits."""
    jobs = [observed.job() for _ in range(number)]
    observed.stack.sink.answer_with(answer_in_turn({job.name: [SlackResponse(delay=1.5)] for job in jobs}))
    observed.stack.send(*(job.event for job in jobs))
    observed.wait_until_idle()


@dataclass(frozen=True)
class InvalidRecords:
    """The result of a batch of invalid records. `good`: a valid job among them; `dead`: the dead letters."""

    observed: ObservedStack
    good: FinishedJob
    dead: Sequence[Mapping[str, Any]]


def _pad(event: dict[str, Any], size: int) -> str:
    """Return the event as JSON of exactly so many bytes, padded in the container's environment."""
    environment: list[dict[str, str]] = [{"name": "TOKEN", "value": ""}]
    detail = event["detail"] | {"container": event["detail"]["container"] | {"environment": environment}}
    missing = size - len(json.dumps(event | {"detail": detail}))
    environment[0]["value"] = (SECRET * (missing // len(SECRET) + 1))[:missing]
    return json.dumps(event | {"detail": detail})


INVALID = {
    "the record is not JSON": "{" + SECRET,
    "the record is not a JSON object": [SECRET],
    "source is not aws.batch": {"source": "aws.ec2", "detail": {"container": {"environment": [SECRET]}}},
    "detail-type is not 'Batch Job State Change'": {"source": "aws.batch", "detail-type": "Other", "detail": [SECRET]},
    "detail has no status": {
        "source": "aws.batch",
        "detail-type": "Batch Job State Change",
        "detail": {"x": SECRET, "jobId": "1"},
    },
    "not a ticket: KeyError": {"ticket": 1, "secret": SECRET},
}
"""Record bodies, by the reason in their dead letters."""


@pytest.fixture(scope="module")
def invalid(observed: ObservedStack) -> InvalidRecords:
    stack, good = observed.stack, observed.job()
    observed.set_batch_size(10)
    stack.send(*INVALID.values(), good.event)
    observed.wait_until_idle()
    return InvalidRecords(observed, good, stack.dead_letters())


@pytest.mark.parametrize("reason", INVALID)
def test_an_invalid_record_becomes_a_dead_letter_with_the_reason(invalid, reason):
    (letter,) = (letter for letter in invalid.dead if letter["reason"] == reason)

    assert SECRET not in json.dumps(letter)


def test_a_valid_job_among_invalid_records_is_sent_once_and_makes_no_dead_letter(invalid):
    assert invalid.observed.unexplained(invalid.good.name) == {}
    assert len(invalid.dead) == len(INVALID)


def test_the_largest_event_that_sqs_accepts_is_sent_once(observed):
    job = observed.job("parent-failed")
    body = _pad(job.event, LARGEST)
    observed.stack.send(body)
    observed.wait_until_idle()

    assert len(body.encode()) == LARGEST
    assert observed.unexplained(job.name) == {}
    assert not any(SECRET in text for texts in observed.texts(job.name).values() for text in texts)
    assert SECRET not in observed.stack.log()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"detail-type": "Other"}, "detail-type is not 'Batch Job State Change'"),
        ({"source": "x"}, "source is not aws.batch"),
    ],
)
def test_the_largest_invalid_record_becomes_a_small_dead_letter(observed, change, reason):
    job = observed.job()
    observed.stack.send(_pad(dict(job.event) | change, LARGEST))
    observed.wait_until_idle()
    (letter,) = observed.stack.dead_letters()

    assert (letter["reason"], letter["size"], letter["record"]["detail"]["jobName"]) == (reason, LARGEST, job.name)
    assert len(json.dumps(letter)) < 2_000
    assert SECRET not in json.dumps(letter) + observed.stack.log()
    assert observed.deliveries(job.name) == NOTHING


def test_a_large_event_whose_channel_is_down_becomes_a_small_ticket(observed):
    stack, job = observed.stack, observed.job("parent-failed")
    observed.set_mapping_enabled("retry_queue_url", False)
    tickets = stack.cloud.fail("sqs:SendMessage", holds=job.name)  # only records the calls
    stack.sink.answer(status=500)
    stack.send(_pad(job.event, LARGEST))
    stack.wait_until(lambda: stack.in_queue("retry_queue_url") == 1, "a ticket")
    stack.sink.answer(status=200)
    observed.set_mapping_enabled("retry_queue_url", True)
    observed.wait_until_idle()
    (ticket,) = tickets.hits

    assert SECRET not in ticket
    assert len(ticket) < 10_000
    assert observed.unexplained(job.name) == {}
