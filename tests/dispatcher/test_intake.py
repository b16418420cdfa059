"""What an invocation makes of its records before it sends anything."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from batchbell.contract import Message
from batchbell.dispatcher.intake import Intake
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.failures import LookUpBudget
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.timing import Deadline, Timing


class Silent:
    def send(self, message: Message) -> None:
        """Take whatever comes."""


@pytest.fixture
def accept(event):
    intake = Intake([Instance("ops", Silent()), Instance("team", Silent())], None, Timing(30), Origin())

    def accept(bodies, **attributes):
        records = [{"messageId": name, "body": body, "attributes": attributes} for name, body in bodies]
        return intake.accept(records, LookUpBudget(Deadline.after(5)))

    return accept


@pytest.fixture
def ticket(accept, event):
    body = json.dumps(event("parent-succeeded"))
    message = accept([("0", body)]).work.by_notifier()["ops"][0].message

    def make(notifier="ops", **fields):
        return Ticket(message, notifier, "busy", **fields).to_body()

    return make


def by_notifier(accepted):
    outcomes = {name: todo for name, todo in accepted.work.by_notifier().items()}
    return {one.instance.name: (one, set(records)) for one, records, _ in accepted.work.settle(outcomes)}


def test_copies_of_a_message_are_one_delivery_if_one_of_them_is_due_in_whatever_order_they_come(accept, ticket):
    now = time.time()
    bodies = [
        ("due", ticket(first_tried=now - 60, attempt=3)),
        ("early", ticket(first_tried=now - 90, not_before=now + 500)),
        ("also early", ticket(first_tried=now, not_before=now + 400, alone=True)),
        ("another's", ticket("team", first_tried=now, not_before=now + 400)),
    ]
    for order in itertools.permutations(bodies):
        accepted = accept(order)
        ((delivery, records),) = by_notifier(accepted).values()

        assert (delivery.instance.name, records) == ("ops", {"due", "early", "also early"})
        assert (delivery.first_tried, delivery.attempt, delivery.alone) == (now - 90, 3, True)
        assert [held for _, held in accepted.early.values()] == [("another's",)]


def test_an_event_is_delivered_for_an_early_ticket_of_its_message_too(accept, ticket, event):
    now = time.time()
    accepted = accept(
        [
            ("event", json.dumps(event("parent-succeeded"))),
            ("early", ticket(first_tried=now - 90, attempt=2, not_before=now + 500)),
        ]
    )
    delivery, records = by_notifier(accepted)["ops"]

    assert records == {"event", "early"}
    assert (delivery.first_tried, delivery.attempt) == (now - 90, 2)
    assert not accepted.early


@pytest.mark.parametrize("is_ticket", [False, True], ids=["event", "redriven dead letter"])
def test_a_record_that_comes_back_after_a_crash_is_as_old_as_when_sqs_first_handed_it_over(
    accept, ticket, event, is_ticket
):
    now = time.time()
    dead = ticket(first_tried=now - 90_000, died=now - 80_000)
    body = dead if is_ticket else json.dumps(event("parent-succeeded"))
    accepted = accept([("0", body)], ApproximateFirstReceiveTimestamp=str(int((now - 600) * 1_000)))

    assert by_notifier(accepted)["ops"][0].first_tried == pytest.approx(now - 600, abs=1)


def test_a_record_is_not_received_in_the_future(accept, event):
    body = json.dumps(event("parent-succeeded"))
    accepted = accept([("0", body)], ApproximateFirstReceiveTimestamp=str(int((time.time() + 600) * 1_000)))

    assert by_notifier(accepted)["ops"][0].first_tried <= time.time()
