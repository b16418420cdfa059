"""The function's process is killed at every moment of a delivery: what each channel gets then, and how often.

All cells run at the same time, each of them in invocations of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.watched import CLAIM, COMMIT, FIRST, NOTIFIERS, ONCE, REPEAT, SENT, Job, Watched, answer_in_turn

HIDDEN = 12  # seconds until the record of a dead invocation comes back
ACCEPTED = {"email": "ses:SendEmail", "sns": "sns:Publish"}  # the calls with which AWS takes a message

# What the channel gets of whose delivery the process died.
MOMENTS = {
    "before its claim": [FIRST],
    "after its claim": [REPEAT],  # nobody knows that it was not sent
    "after it was accepted": [FIRST, REPEAT],
    "before its commit": [FIRST, REPEAT],
    "after its commit": [FIRST],
}
CELLS = [(moment, notifier) for moment in MOMENTS for notifier in NOTIFIERS]


@dataclass(frozen=True)
class Deaths:
    """Jobs whose delivery killed the process, by moment and notifier; and some others."""

    watched: Watched
    jobs: Mapping[tuple[str, str], Job]
    after_the_ticket: Job
    kills: Mapping[str, int]  # by the job's name


@pytest.fixture(scope="module")
def deaths(watched: Watched) -> Iterator[Deaths]:
    stack = watched.stack
    watched.invoke_with(records=1)
    watched.hide_for(HIDDEN)
    jobs = {cell: watched.job() for cell in CELLS}
    faults = {
        job.name: stack.cloud.fail(**_death(job, *cell), times=1)
        for cell, job in jobs.items()
        if cell != ("after it was accepted", "slack")
    }
    after_the_ticket = watched.job()
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
    stack.wait_until(lambda: killed, "killed by Slack's answer")
    for job in [*jobs.values(), after_the_ticket]:
        if job is not accepted:
            stack.send(job.event)
    stack.wait_until(lambda: all(fault.hits for fault in faults.values()), "killed each", timeout=40)
    watched.settle()
    yield Deaths(
        watched,
        jobs,
        after_the_ticket,
        {accepted.name: killed[0]} | {name: len(fault.hits) for name, fault in faults.items()},
    )


def _death(job: Job, moment: str, notifier: str) -> Mapping[str, str]:
    update = {"action": "dynamodb:UpdateItem"}
    return {
        "before its claim": {**update, "holds": job.step(notifier, CLAIM), "kill": "before"},
        "after its claim": {**update, "holds": job.step(notifier, CLAIM), "kill": "after"},
        "after it was accepted": {"action": ACCEPTED.get(notifier, ""), "holds": job.name, "kill": "after"},
        "before its commit": {**update, "holds": job.step(notifier, COMMIT), "kill": "before"},
        "after its commit": {**update, "holds": job.step(notifier, COMMIT), "kill": "after"},
    }[moment]


@pytest.mark.parametrize(("moment", "notifier"), CELLS)
def test_a_channel_is_told_twice_only_if_the_process_died_between_its_answer_and_the_commit(deaths, moment, notifier):
    job = deaths.jobs[moment, notifier]

    assert deaths.kills[job.name] == 1
    assert deaths.watched.told(job.name)[notifier] == MOMENTS[moment]


@pytest.mark.parametrize(("moment", "notifier"), CELLS)
def test_what_the_other_channels_get_twice_is_marked_and_nothing_is_missing(deaths, moment, notifier):
    job = deaths.jobs[moment, notifier]
    told = deaths.watched.told(job.name)

    # The process died at any moment of theirs.
    assert all(told[other] in MOMENTS.values() for other in NOTIFIERS)
    assert deaths.watched.rows(job) == SENT


def test_a_process_that_dies_between_a_ticket_and_the_records_end_tells_each_channel_once(deaths):
    job = deaths.after_the_ticket

    assert deaths.kills[job.name] == 1
    assert deaths.watched.told(job.name) == ONCE
    assert deaths.watched.rows(job) == SENT


def test_a_death_makes_no_dead_letter(deaths):
    assert deaths.watched.stack.dead_letters() == []
