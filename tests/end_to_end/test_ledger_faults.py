"""The ledger fails at every step of a delivery: what each channel gets, what the function says of it, and which row is
left. All cells run at the same time, each of them in invocations of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.watched import (
    CLAIM,
    COMMIT,
    FIRST,
    NOBODY,
    NOTIFIERS,
    ONCE,
    RELEASE,
    REPEAT,
    SENT,
    UNKNOWN,
    Job,
    Watched,
    answer_in_turn,
)

THROTTLED = {"error": "ProvisionedThroughputExceededException"}
BROKEN = {"error": "InternalServerError", "status": 500}
ATTEMPTS = 2  # calls that the SDK makes of one
HELD = {notifier: {"token"} for notifier in NOTIFIERS}
TWICE = {notifier: [FIRST, REPEAT] for notifier in NOTIFIERS}
MARKED = {notifier: [REPEAT] for notifier in NOTIFIERS}
DOWN = "the ledger could not be written: "


@dataclass(frozen=True)
class Cell:
    """What becomes of one job. `faults`: of UpdateItem, each for every notifier in `at` and the step that it begins
    with, or for every step; `until_told`: they end only when each of those has a ticket; `again`: the event comes once
    more, "at once" after the first one's invocation or when its claims have "run out"; `slack`: its answers."""

    faults: Sequence[tuple[str, Mapping[str, Any]]]
    told: Mapping[str, list[str]] = field(default_factory=lambda: ONCE)
    rows: Mapping[str, set[str]] = field(default_factory=lambda: SENT)
    outcomes: Sequence[str] = ("sent",)  # of those in `at`, or of Slack alone if it answers so
    at: Sequence[str] = NOTIFIERS
    until_told: bool = False
    again: str = ""
    slack: Sequence[SlackResponse] = ()


ANY = ""
CELLS = {
    "one call is throttled": Cell([(CLAIM, {**THROTTLED, "times": 1})]),
    "a claim is throttled": Cell(
        [(CLAIM, {**THROTTLED, "times": ATTEMPTS})],
        outcomes=[DOWN + "ProvisionedThroughputExceededException", "sent"],
    ),
    "it refuses everything for a while": Cell(
        [(ANY, {"error": "ThrottlingException"})], outcomes=[DOWN + "ThrottlingException", "sent"], until_told=True
    ),
    "it may not be written for a while": Cell(
        [(ANY, {"error": "AccessDeniedException"})], outcomes=[DOWN + "AccessDeniedException", "sent"], until_told=True
    ),
    "every connection is cut for a while": Cell(
        [(ANY, {"cut": "before"})], outcomes=[DOWN + "ConnectionClosedError", "sent"], until_told=True
    ),
    "it hangs for a while": Cell(
        [(ANY, {"delay": 2.0, "cut": "before"})], outcomes=[DOWN + "ReadTimeoutError", "sent"], until_told=True
    ),
    "a claim's first answer is lost": Cell([(CLAIM, {"cut": "after", "times": 1})], told=MARKED),
    "a claim's every answer is lost": Cell(
        [(CLAIM, {"cut": "after", "times": ATTEMPTS})],
        told=MARKED,
        outcomes=[DOWN + "ConnectionClosedError", "sent"],
    ),
    "a commit fails": Cell([(COMMIT, BROKEN)], rows=HELD),
    "a commit fails and the event comes again at once": Cell(
        [(COMMIT, {**BROKEN, "times": ATTEMPTS})],
        told=TWICE,
        again="at once",
        outcomes=["sent", "sent"],
    ),
    "a commit fails and the event comes again later": Cell(
        [(COMMIT, {**BROKEN, "times": ATTEMPTS})], told=TWICE, again="run out", outcomes=["sent", "sent"]
    ),
    "a commit's answer is lost and the event comes again": Cell(
        [(COMMIT, {"cut": "after", "times": 1})], again="at once", outcomes=["sent", "already-sent"]
    ),
    "a commit's every answer is lost and the event comes again": Cell(
        [(COMMIT, {"cut": "after", "times": ATTEMPTS})], again="at once", outcomes=["sent", "already-sent"]
    ),
    "Slack refuses once": Cell([], slack=[SlackResponse.of(500)], outcomes=["Slack answered 500 rollup_error", "sent"]),
    "a release fails": Cell(
        [(RELEASE, {**BROKEN, "times": ATTEMPTS})],
        at=["slack"],
        slack=[SlackResponse.of(500)],
        told=ONCE | {"slack": [REPEAT]},
        outcomes=["Slack answered 500 rollup_error", "sent"],
    ),
    "a release's answer is lost": Cell(
        [(RELEASE, {"cut": "after", "times": 1})],
        at=["slack"],
        slack=[SlackResponse.of(500)],
        outcomes=["Slack answered 500 rollup_error", "sent"],
    ),
    "Slack's answer is lost": Cell(
        [],
        slack=[SlackResponse(cut="before")],
        told=ONCE | {"slack": [FIRST, REPEAT]},
        rows=SENT | {"slack": {"sent", "maybe"}},
        outcomes=["Slack gave no answer (ConnectionError)", "sent"],
    ),
    "Slack's answer is lost and the mark fails": Cell(
        [(UNKNOWN, BROKEN)],
        at=["slack"],
        slack=[SlackResponse(cut="before")],
        told=ONCE | {"slack": [FIRST, REPEAT]},
        outcomes=["Slack gave no answer (ConnectionError)", "sent"],
    ),
}


@dataclass(frozen=True)
class Faults:
    """`meanwhile`: what the channels had of the jobs whose ledger was still down."""

    watched: Watched
    jobs: Mapping[str, Job]
    hits: Mapping[str, Sequence[int]]
    meanwhile: Mapping[str, Mapping[str, list[str]]]


@pytest.fixture(scope="module")
def faults(watched: Watched) -> Iterator[Faults]:
    stack = watched.stack
    watched.invoke_with(records=1)
    jobs = {what: watched.job() for what in CELLS}
    handles = {
        what: [
            stack.cloud.fail("dynamodb:UpdateItem", holds=jobs[what].step(notifier, begins), **fault)
            for begins, fault in cell.faults
            for notifier in cell.at
        ]
        for what, cell in CELLS.items()
    }
    # A channel's health is written beside its messages, and is worth none of them.
    stack.cloud.fail("dynamodb:UpdateItem", holds='{"S": "health"}', **BROKEN)
    stack.sink.answer_with(answer_in_turn({jobs[what].name: cell.slack for what, cell in CELLS.items()}))

    def tries(what: str) -> int:
        return min(len(watched.outcomes(jobs[what].name, notifier)) for notifier in NOTIFIERS)

    for job in jobs.values():
        stack.send(job.event)
    stack.wait_until(lambda: stack.in_queue("intake_queue_url") == 0, "taken", timeout=30)
    stack.wait_until(lambda: all(tries(what) for what in CELLS), "tried")
    down = [what for what, cell in CELLS.items() if cell.until_told]
    meanwhile = {what: watched.told(jobs[what].name) for what in down}
    for what in down:
        for handle in handles[what]:
            handle.clear()
    _send_again(watched, [jobs[what] for what, cell in CELLS.items() if cell.again == "at once"])
    watched.settle()
    _send_again(watched, [jobs[what] for what, cell in CELLS.items() if cell.again == "run out"])
    watched.settle()
    yield Faults(watched, jobs, {what: [len(one.hits) for one in those] for what, those in handles.items()}, meanwhile)


def _send_again(watched: Watched, jobs: Sequence[Job]) -> None:
    for job in jobs:
        watched.stack.send(job.event)


@pytest.mark.parametrize("what", CELLS)
def test_each_channel_is_told_and_whatever_may_be_a_repeat_says_so(faults, what):
    assert all(faults.hits[what])
    assert faults.watched.told(faults.jobs[what].name) == CELLS[what].told


@pytest.mark.parametrize("what", CELLS)
def test_the_log_tells_the_reason_of_each_ticket(faults, what):
    cell, name = CELLS[what], faults.jobs[what].name

    for notifier in ["slack"] if cell.slack else cell.at:
        assert faults.watched.outcomes(name, notifier) == list(cell.outcomes)


@pytest.mark.parametrize("what", CELLS)
def test_the_ledger_ends_with_the_row_that_is_right(faults, what):
    assert faults.watched.rows(faults.jobs[what]) == CELLS[what].rows


@pytest.mark.parametrize("what", [what for what, cell in CELLS.items() if cell.until_told])
def test_nothing_is_sent_while_the_ledger_is_down(faults, what):
    assert faults.meanwhile[what] == NOBODY


def test_health_that_cannot_be_written_is_told_in_the_log_alone(faults):
    assert "the health of the channel could not be written" in faults.watched.stack.log()


def test_no_fault_of_the_ledger_makes_a_dead_letter(faults):
    assert faults.watched.stack.dead_letters() == []
