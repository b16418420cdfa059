from __future__ import annotations

import json
from dataclasses import replace

import pytest

from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.ticket import InvalidTicket, Ticket
from batchbell.wire import HEALTH_KEY


@pytest.fixture
def message(event):
    return compose(Job.from_event(event("parent-failed")), Failures())


def test_a_ticket_comes_back_as_it_was(message):
    ticket = Ticket(message, "ops", "Slack answered 500", first_tried=100.5, attempt=3)

    assert Ticket.from_body(json.loads(ticket.to_body()), now=999.0) == ticket


def test_a_ticket_of_an_earlier_version_has_neither_queue_nor_thread_nor_jobs(message):
    body = json.loads(Ticket(message, "ops", "Slack answered 500", first_tried=100.5).to_body())
    for field in ("queue", "thread", "jobs"):
        del body["message"][field]

    assert Ticket.from_body(body, now=999.0).message == replace(message, queue="", thread="")


def test_a_redriven_dead_letter_starts_again(message):
    dead = Ticket(message, "ops", "Slack answered 404", first_tried=100.5, attempt=3, died=200.0)
    again = Ticket.from_body(json.loads(dead.to_body()), now=999.0)

    assert (again.first_tried, again.attempt, again.died) == (999.0, 0, None)


@pytest.mark.parametrize("key", [HEALTH_KEY, f"{HEALTH_KEY}\n", f"\x00{HEALTH_KEY}", f"\u202e{HEALTH_KEY}"])
def test_no_ticket_has_the_key_of_the_rows_about_channels(message, key):
    body = json.loads(Ticket(message, "ops", "Slack answered 500", first_tried=100.5).to_body())
    body["message"]["key"] = key
    try:
        found = Ticket.from_body(body, now=999.0).message.key
    except InvalidTicket:
        return

    assert found != HEALTH_KEY


@pytest.mark.parametrize("change", [{"message": None}, {"message": {}}, {"first_tried": "soon"}, {"attempt": None}])
def test_a_malformed_ticket_is_refused(message, change):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body()) | change

    with pytest.raises(InvalidTicket):
        Ticket.from_body(body, now=1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": float("inf")},
        {"attempt": -1},
        {"attempt": 10**400},
        {"first_tried": 10**400},
        {"first_tried": float("nan")},
        {"first_tried": 1e12},
        {"not_before": float("inf")},
    ],
)
def test_a_ticket_that_would_never_expire_is_refused(message, change):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body()) | change

    with pytest.raises(InvalidTicket):
        Ticket.from_body(body, now=1.0)


@pytest.mark.parametrize(
    "change", [{"key": None}, {"title": 7}, {"facts": [{"label": [[]], "value": {}}]}, {"links": [1]}]
)
def test_a_ticket_with_a_malformed_message_is_refused(message, change):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body())
    body["message"] |= change

    with pytest.raises(InvalidTicket):
        Ticket.from_body(body, now=1.0)
