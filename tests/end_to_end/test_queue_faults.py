"""SQS does not take a ticket or a dead letter: the record stays, comes back, and nobody is told twice.

All cells run at the same time, each of them in invocations of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.watched import ONCE, SENT, Job, Watched, answer_in_turn

HIDDEN = 12  # seconds until a record that stays comes back
ATTEMPTS = 2  # calls that the SDK makes of one
REFUSED, GONE = "Slack answered 500 rollup_error", "Slack answered 404 no_service"


@dataclass(frozen=True)
class Cell:
    """`fault`: of SendMessage; `slack`: its answers; `outcomes`: what the log says of Slack's tries, `others` of each
    other channel's; `dead`: the letters' reasons."""

    fault: Mapping[str, Any]
    slack: Sequence[SlackResponse] = (SlackResponse.of(500),)
    told: Mapping[str, list[str]] = field(default_factory=lambda: ONCE)
    rows: Mapping[str, set[str]] = field(default_factory=lambda: SENT)
    outcomes: Sequence[str] = (REFUSED, "sent")
    others: Sequence[str] = ("sent", "already-sent")
    dead: Sequence[str] = ()


CELLS = {
    "a ticket is throttled": Cell({"error": "RequestThrottled", "status": 403, "times": ATTEMPTS}),
    "a ticket is denied": Cell({"error": "AccessDenied", "status": 403, "times": 1}),
    "a ticket meets a broken queue": Cell({"error": "ServiceUnavailable", "status": 503, "times": ATTEMPTS}),
    "a ticket's connection is cut": Cell({"cut": "before", "times": ATTEMPTS}),
    "a ticket gets no answer": Cell({"delay": 3.0, "cut": "before", "times": ATTEMPTS}),
    # The queue has it, perhaps more than once, and nobody knows: it and the record are tried.
    "a ticket's first answer is lost": Cell(
        {"cut": "after", "times": 1}, outcomes=(REFUSED, "sent", "already-sent"), others=("sent",)
    ),
    "a ticket's every answer is lost": Cell(
        {"cut": "after", "times": ATTEMPTS}, outcomes=(REFUSED, "sent", "already-sent", "already-sent")
    ),
    "a ticket's next ticket is denied": Cell(
        {"error": "AccessDenied", "status": 403, "skip": 1, "times": 1},
        slack=(SlackResponse.of(500), SlackResponse.of(500)),
        outcomes=(REFUSED, REFUSED, "sent"),
        others=("sent",),
    ),
    "a dead letter is denied": Cell(
        {"error": "AccessDenied", "status": 403, "times": 1},
        slack=(SlackResponse.of(404), SlackResponse.of(404)),
        told=ONCE | {"slack": []},
        rows=SENT | {"slack": set()},
        outcomes=(GONE, GONE),
        dead=(GONE,),
    ),
}


@dataclass(frozen=True)
class Refusals:
    """`dead`: letters, as they were when all was done. `unreadable`: a record that is nothing but odd."""

    watched: Watched
    jobs: Mapping[str, Job]
    hits: Mapping[str, int]
    dead: Sequence[Mapping[str, Any]]
    unreadable: str


@pytest.fixture(scope="module")
def refusals(watched: Watched) -> Iterator[Refusals]:
    stack = watched.stack
    watched.invoke_with(records=1)
    watched.hide_for(HIDDEN)
    jobs = {what: watched.job() for what in CELLS}
    unreadable = "no JSON, and its dead letter is denied"
    faults = {what: stack.cloud.fail("sqs:SendMessage", holds=jobs[what].name, **CELLS[what].fault) for what in CELLS}
    faults[unreadable] = stack.cloud.fail(
        "sqs:SendMessage", holds=_digest(unreadable), error="AccessDenied", status=403, times=1
    )
    stack.sink.answer_with(answer_in_turn({jobs[what].name: cell.slack for what, cell in CELLS.items()}))
    for job in jobs.values():
        stack.send(job.event)
    stack.send(unreadable)
    stack.wait_until(lambda: all(fault.hits for fault in faults.values()), "refused each", timeout=40)
    watched.settle()
    yield Refusals(
        watched, jobs, {what: len(fault.hits) for what, fault in faults.items()}, stack.dead_letters(), unreadable
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("what", CELLS)
def test_a_channel_gets_its_message_though_sqs_took_no_ticket_and_the_others_get_theirs_once(refusals, what):
    job = refusals.jobs[what]

    assert refusals.hits[what] == CELLS[what].fault["times"]
    assert refusals.watched.told(job.name) == CELLS[what].told
    assert refusals.watched.rows(job) == CELLS[what].rows


@pytest.mark.parametrize("what", CELLS)
def test_a_record_that_stays_finds_the_channels_that_were_told(refusals, what):
    name, cell = refusals.jobs[what].name, CELLS[what]

    # Two copies of a ticket may be tried at the same time.
    assert sorted(refusals.watched.outcomes(name, "slack")) == sorted(cell.outcomes)
    for other in ("email", "sns"):
        assert refusals.watched.outcomes(name, other) == list(cell.others)


@pytest.mark.parametrize("what", CELLS)
def test_what_is_a_dead_letter_is_one_once_sqs_takes_it(refusals, what):
    letters = [letter for letter in refusals.dead if refusals.jobs[what].name in json.dumps(letter)]

    assert [letter["reason"] for letter in letters] == list(CELLS[what].dead)


def test_an_odd_record_whose_dead_letter_sqs_refuses_is_one_later(refusals):
    (letter,) = (one for one in refusals.dead if one.get("sha256") == _digest(refusals.unreadable))

    assert refusals.hits[refusals.unreadable] == 1
    assert letter["reason"] == "the record is not JSON"


def test_the_log_says_why_a_record_stays(refusals):
    lines = [json.loads(line) for line in refusals.watched.stack.log().splitlines() if "the record stays" in line]

    assert {line["reason"] for line in lines} == {
        "RequestThrottled",
        "AccessDenied",
        "ServiceUnavailable",
        "ConnectionClosedError",
        "ReadTimeoutError",
    }
