"""The last state of a live message, from the record of the job's event to the channel, with local AWS's queues."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest

from batchbell.contract import PermanentError, TemporaryError
from batchbell.dispatcher.delivery.ledger import Ledger
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.delivery.worklist import Worklist
from batchbell.dispatcher.records.ticket import Ticket
from tests.dispatcher.delivery.live_channel import ArrayJob, LiveChannel, show

REVOKED = PermanentError("token_revoked", every_message=True)


@pytest.fixture
def job():
    return ArrayJob(f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}")


@pytest.fixture
def finished(event, job):
    return event("parent-failed", jobId=job.arn.rpartition("/")[2], jobArn=job.arn, jobName=job.name)


@pytest.fixture
def running(ledger, job):
    """A channel with a live message about the job."""

    def make(*, updates=()):
        ops = LiveChannel(updates=[lambda: None, *updates])
        show(ledger(), ops, job.running(12))
        return ops

    return make


def test_the_event_of_a_finished_job_ends_its_live_message(stack, running, finished, row, job):
    ops = running()
    invocation = stack(ops=ops)
    invocation.run(finished, finished)

    assert ops.live[0].title == ops.others[0].title == "nightly failed: 3 of 7 children"
    assert ops.others[0].reply_to == "receipt-0"
    assert "sent" in row(job.last().key, "ops")  # a delivery, which `status` shows
    assert invocation.posted() == [] == invocation.bodies("dead")


@pytest.mark.parametrize("statuses", [["RUNNING"], ["RUNNING", "SUCCEEDED"]])
def test_a_live_message_ends_also_where_the_outcome_is_no_message(stack, running, finished, statuses):
    ops = running()
    invocation = stack(ops=ops)
    (instance,) = invocation.dispatcher.instances
    invocation.dispatcher = replace(invocation.dispatcher, instances=[replace(instance, statuses=statuses)])
    invocation.run(finished)

    assert ops.live[0].title == "nightly failed: 3 of 7 children"
    assert not ops.others


def test_a_single_job_has_no_live_message(stack, event, row, job):
    ops = LiveChannel()
    stack(ops=ops).run(event("single-failed", jobArn=job.arn))

    assert len(ops.posts) == 1
    assert "shown" not in row(job.last().key, "ops")


def test_a_function_killed_between_the_outcome_and_the_last_state_ends_it_when_the_record_comes_back(
    stack, ledger, running, finished, job
):
    ops = running()
    show(ledger(), ops, replace(job.outcome(), key=f"{job.arn}#FAILED"))
    stack(ops=ops).run(finished)

    assert len(ops.others) == 1
    assert ops.live[0].title == "nightly failed: 3 of 7 children"


def test_a_last_state_that_the_channel_refuses_for_now_is_a_ticket(stack, running, finished, clock):
    ops = running(updates=[TemporaryError("busy")])
    invocation = stack(ops=ops)
    invocation.run(finished)
    (ticket,) = invocation.posted()
    clock.move(3600)
    invocation.run(ticket)

    assert ticket["message"]["key"].endswith("#BOARD")
    assert (len(ops.others), ops.live[0].title) == (1, "nightly failed: 3 of 7 children")


def test_a_running_state_that_the_channel_refuses_leaves_no_ticket(stack, running, finished, job):
    ops = running(updates=[TemporaryError("busy"), REVOKED])
    invocation = stack(ops=ops)
    for message in (job.running(20), job.running(30)):
        invocation.deliver("ops", message)

    assert invocation.posted() == [] == invocation.bodies("dead")


def test_a_last_state_that_a_revoked_token_refused_can_be_redriven(stack, running, finished):
    ops = running(updates=[REVOKED])
    ops.errors = [REVOKED]
    invocation = stack(ops=ops)
    invocation.run(finished)
    dead = invocation.bodies("dead")
    invocation.run(*dead)

    assert len(dead) == 2
    assert (len(ops.others), ops.live[0].title) == (1, "nightly failed: 3 of 7 children")
    assert ops.others[0].reply_to == "receipt-0"


def test_a_redriven_last_state_never_follows_another_one(stack, running, finished):
    ops = running(updates=[REVOKED])
    invocation = stack(ops=ops)
    invocation.run(finished)
    (dead,) = invocation.bodies("dead")
    invocation.run(dead)
    invocation.run(dead, finished)

    assert [message.title for message in ops.live[0].shown].count("nightly failed: 3 of 7 children") == 1


def test_a_live_message_that_somebody_deleted_is_no_dead_letter_and_no_dead_channel(stack, running, finished):
    ops, team = running(updates=[PermanentError("message_not_found")] * 5), LiveChannel()
    invocation = stack(ops=ops, team=team)
    for _ in range(4):
        invocation.run(finished)

    assert invocation.bodies("dead") == []
    assert [message.kind for message in team.others] == ["array-job"]


def test_a_channel_whose_live_messages_are_deleted_is_not_dead(stack):
    ops, team, name = LiveChannel(), LiveChannel(), f"ops-{uuid.uuid4()}"
    invocation = stack(**{name: ops}, team=team)
    for _ in range(4):
        job = ArrayJob(f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}")
        invocation.deliver(name, job.running(10))
        ops.update_errors = [PermanentError("message_not_found")]
        invocation.deliver(name, job.running(20))

    assert not team.posts


def test_a_dead_channel_is_noticed_although_its_jobs_finish_without_a_live_message(stack, event):
    ops, team = LiveChannel(*[REVOKED] * 9), LiveChannel()
    invocation = stack(**{f"ops-{uuid.uuid4()}": ops}, team=team)  # one that delivered nothing in another test
    for _ in range(3):
        arn = f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}"
        invocation.run(event("parent-failed", jobId=arn[-36:], jobArn=arn))

    assert [message.kind for message in team.others].count("dead-channel") == 1


def test_one_invocation_with_a_running_and_the_last_state_shows_the_last(stack, running, finished, job):
    ops = running()
    invocation = stack(ops=ops)
    invocation.deliver("ops", job.running(50), job.last(), job.running(60))

    assert [message.title for message in ops.live[0].shown[2:]] == ["nightly FAILED"]


def test_a_last_state_that_waits_for_its_time_outlives_a_sweep(stack, running, finished, job):
    ops = running(updates=[TemporaryError("busy", retry_after=600)])
    invocation = stack(ops=ops)
    invocation.run(finished)
    (ticket,) = invocation.posted()
    (instance,) = invocation.dispatcher.instances
    worklist = Worklist()
    worklist.add("sweep", Delivery(instance, job.running(50), time.time()))
    body = Ticket.from_body(ticket, time.time())

    assert not worklist.join(body, ["ticket"])
    assert worklist.by_notifier()["ops"][0].message == job.running(50)


def test_a_ticket_of_an_older_version_joins_the_thread(stack, running, finished, job):
    ops = running()
    message = job.outcome().to_dict()
    for field in ("commands", "progress", "reply_to", "tags", "owner"):
        del message[field]
    stack(ops=ops).run({"ticket": 1, "message": message, "notifier": "ops", "reason": "busy", "first_tried": 1})

    assert ops.others[0].reply_to == "receipt-0"
    assert not ops.others[0].notes


def test_while_the_ledger_is_down_the_last_state_is_a_ticket(stack, running, finished):
    ops = running()
    invocation = stack(ops=ops)
    invocation.dispatcher = replace(invocation.dispatcher, table="no-such-table")
    invocation.run(finished)

    assert sorted(ticket["message"]["key"].rpartition("#")[2] for ticket in invocation.posted()) == ["BOARD", "FAILED"]
    assert len(ops.posts) == 1


def test_a_killed_last_update_is_repeated_once_its_claim_has_run_out(stack, ledger, running, finished, clock, job):
    ops, killed = running(), ledger()
    assert isinstance(killed, Ledger)
    killed.claim(job.last().key, "ops", 10**12)
    invocation = stack(ops=ops)
    invocation.run(finished)
    (ticket,) = invocation.posted()
    clock.move_past(killed.until + 1)
    invocation.run(ticket | {"not_before": 0})

    assert (len(ops.others), ops.live[0].title) == (1, "nightly failed: 3 of 7 children")
