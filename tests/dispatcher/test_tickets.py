from __future__ import annotations

import json

import pytest

from batchbell.dispatcher.compose import compose
from batchbell.dispatcher.failures import Failures
from batchbell.dispatcher.job import Job
from batchbell.dispatcher.tickets import InvalidTicket, Ticket, Unreadable


@pytest.fixture
def message(event):
    return compose(Job.from_event(event("parent-failed")), Failures())


def test_a_ticket_comes_back_as_it_was(message):
    ticket = Ticket(message, "ops", "Slack answered 500", first_tried=100.5, attempt=3)

    assert Ticket.from_body(json.loads(ticket.to_body()), now=999.0) == ticket


def test_a_redriven_dead_letter_starts_afresh(message):
    dead = Ticket(message, "ops", "Slack answered 404", first_tried=100.5, attempt=3, died=200.0)
    again = Ticket.from_body(json.loads(dead.to_body()), now=999.0)

    assert (again.first_tried, again.attempt, again.died) == (999.0, 0, None)


@pytest.mark.parametrize("change", [{"message": None}, {"message": {}}, {"first_tried": "soon"}, {"attempt": None}])
def test_what_only_looks_like_a_ticket_is_refused(message, change):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body()) | change

    with pytest.raises(InvalidTicket):
        Ticket.from_body(body, now=1.0)


def test_an_unreadable_events_dead_letter_holds_no_environment(event):
    body = json.loads(Unreadable(json.dumps(event("parent-failed", jobId="")), "detail has no jobId").to_body(5.0))

    assert body["reason"] == "detail has no jobId"
    assert "nightly-render" in body["record"]
    assert "hunter2" not in json.dumps(body)


def test_an_unreadable_record_is_cut_to_what_a_queue_takes():
    body = Unreadable('"' * 5_000_000, "the record is not JSON").to_body(5.0)

    assert len(body.encode()) < 1_048_576
