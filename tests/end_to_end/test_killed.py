"""The function's process is killed at each step of a delivery: what each channel gets then, and how often.

All cases run at the same time, each in invocations of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.explained_repeats import FIRST, REPEAT
from tests.end_to_end.observed_stack import (
    CLAIM,
    COMMIT,
    NOTIFIERS,
    SENT,
    FinishedJob,
    ObservedStack,
    answer_in_turn,
    wait_until_hit,
)
from tests.end_to_end.stack import TIMEOUT

HIDDEN = 2 * TIMEOUT  # seconds until the record of a killed invocation comes back
ACCEPTED = {"email": "ses:SendEmail", "sns": "sns:Publish"}  # the calls with which AWS accepts a message

# By the moment of the kill: what the channel gets whose delivery it hit.
MOMENTS = {
    "before its claim": [FIRST],
    "after its claim": [REPEAT],  # the next invocation cannot know that it was not sent
    "after it was accepted": [FIRST, REPEAT],
    "before its commit": [FIRST, REPEAT],
    "after its commit": [FIRST],
}
CASES = [(moment, notifier) for moment in MOMENTS for notifier in NOTIFIERS]


@dataclass(frozen=True)
class KillRun:
    """The results of all kills.

    jobs: jobs during whose delivery the process was killed, by moment and notifier
    after_the_ticket: a job whose process was killed after it had sent a ticket
    kills: number of kills by the job's name
    """

    observed: ObservedStack
    jobs: Mapping[tuple[str, str], FinishedJob]
    after_the_ticket: FinishedJob
    kills: Mapping[str, int]


@pytest.fixture(scope="module")
def run(observed: ObservedStack) -> KillRun:
    stack = observed.stack
    observed.set_batch_size(1)
    observed.set_visibility_timeout(HIDDEN)
    jobs = {case: observed.job() for case in CASES}
    faults = {
        job.name: stack.cloud.fail(**_kill_fault(job, *case), times=1)
        for case, job in jobs.items()
        if case != ("after it was accepted", "slack")
    }
    after_the_ticket = observed.job()
    faults[after_the_ticket.name] = stack.cloud.fail(
        "sqs:SendMessage", holds=after_the_ticket.name, kill="after", times=1
    )
    stack.sink.answer_with(answer_in_turn({after_the_ticket.name: [SlackResponse.of(500)]}))

    accepted = jobs["after it was accepted", "slack"]
    killed: list[int] = []

    def kill(body: str) -> None:
        if accepted.name in body and not killed:
            killed.append(stack.cloud.kill_functions())

    stack.sink.on_accepted(kill)
    stack.send(accepted.event)
    stack.wait_until(lambda: killed, "killed when Slack accepted")
    for job in [*jobs.values(), after_the_ticket]:
        if job is not accepted:
            stack.send(job.event)
    wait_until_hit(faults.values(), "killed each")
    observed.wait_until_idle()
    return KillRun(
        observed,
        jobs,
        after_the_ticket,
        {accepted.name: killed[0]} | {name: len(fault.hits) for name, fault in faults.items()},
    )


def _kill_fault(job: FinishedJob, moment: str, notifier: str) -> Mapping[str, str]:
    update = {"action": "dynamodb:UpdateItem"}
    return {
        "before its claim": {**update, "holds": job.ledger_call(notifier, CLAIM), "kill": "before"},
        "after its claim": {**update, "holds": job.ledger_call(notifier, CLAIM), "kill": "after"},
        "after it was accepted": {"action": ACCEPTED.get(notifier, ""), "holds": job.name, "kill": "after"},
        "before its commit": {**update, "holds": job.ledger_call(notifier, COMMIT), "kill": "before"},
        "after its commit": {**update, "holds": job.ledger_call(notifier, COMMIT), "kill": "after"},
    }[moment]


@pytest.mark.parametrize(("moment", "notifier"), CASES)
def test_a_channel_gets_a_message_twice_only_if_the_kill_is_between_its_answer_and_the_commit(run, moment, notifier):
    job = run.jobs[moment, notifier]

    assert run.kills[job.name] == 1
    assert run.observed.deliveries(job.name)[notifier] == MOMENTS[moment]


@pytest.mark.parametrize(("moment", "notifier"), CASES)
def test_the_other_channels_miss_nothing_and_their_repeats_are_marked(run, moment, notifier):
    job = run.jobs[moment, notifier]
    deliveries = run.observed.deliveries(job.name)

    # The kill may have hit any step of their deliveries.
    assert all(deliveries[other] in MOMENTS.values() for other in NOTIFIERS)
    assert run.observed.ledger_rows(job) == SENT


def test_each_channel_gets_one_message_if_the_process_is_killed_between_a_ticket_and_the_records_deletion(run):
    job = run.after_the_ticket

    assert run.kills[job.name] == 1
    assert run.observed.unexplained(job.name) == {}
    assert run.observed.ledger_rows(job) == SENT


def test_a_kill_makes_no_dead_letter(run):
    assert run.observed.stack.dead_letters() == []
