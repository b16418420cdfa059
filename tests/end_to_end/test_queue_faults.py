"""SQS does not take a ticket or a dead letter: no message is lost, and no channel gets one twice.

What SQS could not do is tried again at once. What it denies stays as a record that comes back.

All cases run at the same time, each in invocations of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.observed_stack import ONCE, SENT, FinishedJob, ObservedStack, answer_in_turn, wait_until_hit
from tests.end_to_end.stack import TIMEOUT

HIDDEN = 2 * TIMEOUT  # seconds until a record that stays comes back
ATTEMPTS = 2  # calls that fail before one succeeds, all in one invocation
REFUSED, GONE = "Slack answered 500 rollup_error", "Slack answered 404 no_service"


@dataclass(frozen=True)
class QueueFault:
    """A fault of SendMessage, and the expected results.

    slack: Slack's answers
    deliveries: what each channel gets
    rows: the ledger's rows in the end
    outcomes: the log's outcomes of Slack's attempts
    others: the same for each other channel
    dead: the reasons of the dead letters
    """

    fault: Mapping[str, Any]
    slack: Sequence[SlackResponse] = (SlackResponse.of(500),)
    deliveries: Mapping[str, list[str]] = field(default_factory=lambda: ONCE)
    rows: Mapping[str, set[str]] = field(default_factory=lambda: SENT)
    outcomes: Sequence[str] = (REFUSED, "sent")
    others: Sequence[str] = ("sent",)
    dead: Sequence[str] = ()


CASES = {
    "a ticket is throttled": QueueFault({"error": "RequestThrottled", "status": 403, "times": ATTEMPTS}),
    "a ticket is denied": QueueFault(
        {"error": "AccessDenied", "status": 403, "times": 1}, others=("sent", "already-sent")
    ),
    "a ticket meets a broken queue": QueueFault({"error": "ServiceUnavailable", "status": 503, "times": ATTEMPTS}),
    "a ticket's connection is cut": QueueFault({"cut": "before", "times": ATTEMPTS}),
    "a ticket gets no answer": QueueFault({"delay": 3.0, "cut": "before", "times": ATTEMPTS}),
    # The queue has the ticket, perhaps twice, and the function cannot know: both the ticket and the record are tried.
    "a ticket's first answer is lost": QueueFault(
        {"cut": "after", "times": 1}, outcomes=(REFUSED, "sent", "already-sent")
    ),
    "a ticket's every answer is lost": QueueFault(
        {"cut": "after", "times": ATTEMPTS}, outcomes=(REFUSED, "sent", "already-sent", "already-sent")
    ),
    "a ticket's next ticket is denied": QueueFault(
        {"error": "AccessDenied", "status": 403, "skip": 1, "times": 1},
        slack=(SlackResponse.of(500), SlackResponse.of(500)),
        outcomes=(REFUSED, REFUSED, "sent"),
    ),
    "a dead letter is denied": QueueFault(
        {"error": "AccessDenied", "status": 403, "times": 1},
        slack=(SlackResponse.of(404), SlackResponse.of(404)),
        deliveries=ONCE | {"slack": []},
        rows=SENT | {"slack": set()},
        outcomes=(GONE, GONE),
        others=("sent", "already-sent"),
        dead=(GONE,),
    ),
}


@dataclass(frozen=True)
class QueueFaultRun:
    """The results of all cases.

    hits: how often each fault occurred
    dead: the dead letters in the end
    unreadable: an invalid record
    """

    observed: ObservedStack
    jobs: Mapping[str, FinishedJob]
    hits: Mapping[str, int]
    dead: Sequence[Mapping[str, Any]]
    unreadable: str


@pytest.fixture(scope="module")
def run(observed: ObservedStack) -> QueueFaultRun:
    stack = observed.stack
    observed.set_batch_size(1)
    observed.set_visibility_timeout(HIDDEN)
    jobs = {what: observed.job() for what in CASES}
    unreadable = "no JSON, and its dead letter is denied"
    faults = {what: stack.cloud.fail("sqs:SendMessage", holds=jobs[what].name, **CASES[what].fault) for what in CASES}
    faults[unreadable] = stack.cloud.fail(
        "sqs:SendMessage", holds=_digest(unreadable), error="AccessDenied", status=403, times=1
    )
    stack.sink.answer_with(answer_in_turn({jobs[what].name: case.slack for what, case in CASES.items()}))
    for job in jobs.values():
        stack.send(job.event)
    stack.send(unreadable)
    wait_until_hit(faults.values(), "refused each")
    observed.wait_until_idle()
    return QueueFaultRun(
        observed, jobs, {what: len(fault.hits) for what, fault in faults.items()}, stack.dead_letters(), unreadable
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("what", CASES)
def test_a_channel_gets_its_message_though_sqs_refused_the_ticket_and_the_others_get_theirs_once(run, what):
    job = run.jobs[what]

    assert run.hits[what] == CASES[what].fault["times"]
    assert run.observed.unexplained(job.name, CASES[what].deliveries) == {}
    assert run.observed.ledger_rows(job) == CASES[what].rows


@pytest.mark.parametrize("what", CASES)
def test_a_record_that_comes_back_skips_the_channels_that_have_the_message(run, what):
    name, case = run.jobs[what].name, CASES[what]

    # Two copies of a ticket may be tried at the same time.
    assert sorted(run.observed.outcomes(name, "slack")) == sorted(case.outcomes)
    assert run.observed.unexpected(name, dict.fromkeys(("email", "sns"), case.others)) == {}


@pytest.mark.parametrize("what", CASES)
def test_a_dead_letter_is_written_once_sqs_accepts_it(run, what):
    letters = [letter for letter in run.dead if run.jobs[what].name in json.dumps(letter)]

    assert [letter["reason"] for letter in letters] == list(CASES[what].dead)


def test_an_invalid_record_becomes_a_dead_letter_once_sqs_accepts_it(run):
    (letter,) = (one for one in run.dead if one.get("sha256") == _digest(run.unreadable))

    assert run.hits[run.unreadable] == 1
    assert letter["reason"] == "the record is not JSON"


def test_the_log_says_why_a_record_stays(run):
    lines = [json.loads(line) for line in run.observed.stack.log().splitlines() if "the record stays" in line]

    assert {line["reason"] for line in lines} == {"AccessDenied"}
