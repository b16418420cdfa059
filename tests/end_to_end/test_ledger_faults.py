"""The ledger fails at each step of a delivery: what each channel gets, what the log says, and which row is left.

All cases run at the same time, each in invocations of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchbell.wire import HEALTH_KEY
from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.explained_repeats import FIRST, REPEAT
from tests.end_to_end.observed_stack import (
    CLAIM,
    COMMIT,
    NOTHING,
    NOTIFIERS,
    ONCE,
    RELEASE,
    SENT,
    UNKNOWN,
    FinishedJob,
    ObservedStack,
    answer_in_turn,
)

THROTTLED = {"error": "ProvisionedThroughputExceededException"}
BROKEN = {"error": "InternalServerError", "status": 500}
ATTEMPTS = 2  # attempts that the SDK makes for one call
HELD = {notifier: {"token"} for notifier in NOTIFIERS}
TWICE = {notifier: [FIRST, REPEAT] for notifier in NOTIFIERS}
MARKED = {notifier: [REPEAT] for notifier in NOTIFIERS}
DOWN = "the ledger could not be written: "


@dataclass(frozen=True)
class LedgerFault:
    """Faults for one job, and the expected results.

    faults: faults of UpdateItem, each with the step that it hits ("" for any), for every notifier in `at`
    deliveries: what each channel gets
    rows: the ledger's rows in the end
    outcomes: the log's outcomes of the notifiers in `at`, or of Slack alone if `slack` is given
    until_ticket: the faults end only when each notifier has a ticket
    again: the event comes once more, "at once" after the first invocation or when its claims have "run out"
    slack: Slack's answers
    """

    faults: Sequence[tuple[str, Mapping[str, Any]]]
    deliveries: Mapping[str, list[str]] = field(default_factory=lambda: ONCE)
    rows: Mapping[str, set[str]] = field(default_factory=lambda: SENT)
    outcomes: Sequence[str] = ("sent",)
    at: Sequence[str] = NOTIFIERS
    until_ticket: bool = False
    again: str = ""
    slack: Sequence[SlackResponse] = ()


ANY = ""
CASES = {
    "one call is throttled": LedgerFault([(CLAIM, {**THROTTLED, "times": 1})]),
    "a claim is throttled": LedgerFault(
        [(CLAIM, {**THROTTLED, "times": ATTEMPTS})],
        outcomes=[DOWN + "ProvisionedThroughputExceededException", "sent"],
    ),
    "the ledger refuses everything for a while": LedgerFault(
        [(ANY, {"error": "ThrottlingException"})], outcomes=[DOWN + "ThrottlingException", "sent"], until_ticket=True
    ),
    "writing to the ledger is denied for a while": LedgerFault(
        [(ANY, {"error": "AccessDeniedException"})],
        outcomes=[DOWN + "AccessDeniedException", "sent"],
        until_ticket=True,
    ),
    "every connection is cut for a while": LedgerFault(
        [(ANY, {"cut": "before"})], outcomes=[DOWN + "ConnectionClosedError", "sent"], until_ticket=True
    ),
    "the ledger hangs for a while": LedgerFault(
        [(ANY, {"delay": 2.0, "cut": "before"})], outcomes=[DOWN + "ReadTimeoutError", "sent"], until_ticket=True
    ),
    "a claim's first answer is lost": LedgerFault([(CLAIM, {"cut": "after", "times": 1})], deliveries=MARKED),
    "a claim's every answer is lost": LedgerFault(
        [(CLAIM, {"cut": "after", "times": ATTEMPTS})],
        deliveries=MARKED,
        outcomes=[DOWN + "ConnectionClosedError", "sent"],
    ),
    "a commit fails": LedgerFault([(COMMIT, BROKEN)], rows=HELD),
    "a commit fails and the event comes again at once": LedgerFault(
        [(COMMIT, {**BROKEN, "times": ATTEMPTS})],
        deliveries=TWICE,
        again="at once",
        outcomes=["sent", "sent"],
    ),
    "a commit fails and the event comes again later": LedgerFault(
        [(COMMIT, {**BROKEN, "times": ATTEMPTS})], deliveries=TWICE, again="run out", outcomes=["sent", "sent"]
    ),
    "a commit's answer is lost and the event comes again": LedgerFault(
        [(COMMIT, {"cut": "after", "times": 1})], again="at once", outcomes=["sent", "already-sent"]
    ),
    "a commit's every answer is lost and the event comes again": LedgerFault(
        [(COMMIT, {"cut": "after", "times": ATTEMPTS})], again="at once", outcomes=["sent", "already-sent"]
    ),
    "Slack refuses once": LedgerFault(
        [], slack=[SlackResponse.of(500)], outcomes=["Slack answered 500 rollup_error", "sent"]
    ),
    "a release fails": LedgerFault(
        [(RELEASE, {**BROKEN, "times": ATTEMPTS})],
        at=["slack"],
        slack=[SlackResponse.of(500)],
        deliveries=ONCE | {"slack": [REPEAT]},
        outcomes=["Slack answered 500 rollup_error", "sent"],
    ),
    "a release's answer is lost": LedgerFault(
        [(RELEASE, {"cut": "after", "times": 1})],
        at=["slack"],
        slack=[SlackResponse.of(500)],
        outcomes=["Slack answered 500 rollup_error", "sent"],
    ),
    "Slack's answer is lost": LedgerFault(
        [],
        slack=[SlackResponse(cut="before")],
        deliveries=ONCE | {"slack": [FIRST, REPEAT]},
        rows=SENT | {"slack": {"sent", "maybe"}},
        outcomes=["Slack gave no answer (ConnectionError)", "sent"],
    ),
    "Slack's answer is lost and the mark fails": LedgerFault(
        [(UNKNOWN, BROKEN)],
        at=["slack"],
        slack=[SlackResponse(cut="before")],
        deliveries=ONCE | {"slack": [FIRST, REPEAT]},
        outcomes=["Slack gave no answer (ConnectionError)", "sent"],
    ),
}


@dataclass(frozen=True)
class LedgerRun:
    """The results of all cases.

    hits: how often each fault occurred
    meanwhile: what the channels had received while the ledger was down
    """

    observed: ObservedStack
    jobs: Mapping[str, FinishedJob]
    hits: Mapping[str, Sequence[int]]
    meanwhile: Mapping[str, Mapping[str, list[str]]]


@pytest.fixture(scope="module")
def faults(observed: ObservedStack) -> LedgerRun:
    stack = observed.stack
    observed.set_batch_size(1)
    jobs = {what: observed.job() for what in CASES}
    handles = {
        what: [
            stack.cloud.fail("dynamodb:UpdateItem", holds=jobs[what].ledger_call(notifier, begins), **fault)
            for begins, fault in case.faults
            for notifier in case.at
        ]
        for what, case in CASES.items()
    }
    # A channel's health is written too; a failure of that must not cost a message.
    stack.cloud.fail("dynamodb:UpdateItem", holds=json.dumps({"S": HEALTH_KEY}), **BROKEN)
    stack.sink.answer_with(answer_in_turn({jobs[what].name: case.slack for what, case in CASES.items()}))

    for job in jobs.values():
        stack.send(job.event)
    stack.wait_until_empty("intake_queue_url")
    observed.wait_until_tried(jobs.values())
    down = [what for what, case in CASES.items() if case.until_ticket]
    meanwhile = {what: observed.deliveries(jobs[what].name) for what in down}
    for what in down:
        for handle in handles[what]:
            handle.clear()
    _send_again(observed, [jobs[what] for what, case in CASES.items() if case.again == "at once"])
    observed.wait_until_idle()
    _send_again(observed, [jobs[what] for what, case in CASES.items() if case.again == "run out"])
    observed.wait_until_idle()
    return LedgerRun(
        observed, jobs, {what: [len(one.hits) for one in those] for what, those in handles.items()}, meanwhile
    )


def _send_again(observed: ObservedStack, jobs: Sequence[FinishedJob]) -> None:
    for job in jobs:
        observed.stack.send(job.event)


@pytest.mark.parametrize("what", CASES)
def test_each_channel_gets_the_message_and_possible_repeats_are_marked(faults, what):
    assert all(faults.hits[what])
    assert faults.observed.unexplained(faults.jobs[what].name, CASES[what].deliveries) == {}


def test_a_repeat_is_explained_by_a_send_without_an_answer_and_by_nothing_else(faults):
    lost, failed = "Slack's answer is lost", "a commit fails and the event comes again later"

    assert faults.observed.unexplained(faults.jobs[lost].name) == {}
    assert faults.observed.unexplained(faults.jobs[failed].name) == TWICE


@pytest.mark.parametrize("what", CASES)
def test_the_log_has_the_reason_of_each_ticket(faults, what):
    case, name = CASES[what], faults.jobs[what].name

    notifiers = ["slack"] if case.slack else case.at
    several = case.outcomes[0] if case.until_ticket else ""  # a ticket may come back before the test ends the fault
    assert faults.observed.unexpected(name, dict.fromkeys(notifiers, case.outcomes), several) == {}


@pytest.mark.parametrize("what", CASES)
def test_the_ledger_ends_with_the_right_rows(faults, what):
    assert faults.observed.ledger_rows(faults.jobs[what]) == CASES[what].rows


@pytest.mark.parametrize("what", [what for what, case in CASES.items() if case.until_ticket])
def test_nothing_is_sent_while_the_ledger_is_down(faults, what):
    assert faults.meanwhile[what] == NOTHING


def test_health_that_cannot_be_written_is_only_a_line_in_the_log(faults):
    assert "the health of the channel could not be written" in faults.observed.stack.log()


def test_a_fault_of_the_ledger_makes_no_dead_letter(faults):
    assert faults.observed.stack.dead_letters() == []
