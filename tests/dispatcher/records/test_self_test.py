"""A test message: its record, the notifiers that it reaches, and where a refusal is written."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace

import pytest

from batchbell.contract import Message, PermanentError, Severity, TemporaryError
from batchbell.dispatcher.messages.channel_test import compose_self_test
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.records.parse import UnreadableRecord, parse_record
from batchbell.dispatcher.records.self_test import SelfTest

ID = "5d0b4c1e-6f0a-4c55-9d52-0d8f3b0c7a11"


def body(**fields):
    return {"test": 1, "id": str(uuid.uuid4()), "notifiers": [], "sent_at": time.time(), **fields}


def test_a_request_survives_the_way_through_the_queue():
    trial = SelfTest(ID, ("ops", "team"), 1_763_608_365.5)

    assert parse_record(trial.to_body(), now=1_763_608_366.0) == trial


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "not a UUID"},
        {"id": None},
        {"notifiers": "ops"},
        {"notifiers": [""]},
        {"notifiers": [7]},
        {"notifiers": ["x" * 101]},
        {"notifiers": [str(number) for number in range(101)]},
        {"sent_at": "yesterday"},
        {"sent_at": -1},
        {"sent_at": 1e300},
        {"sent_at": float("nan")},
    ],
)
def test_a_malformed_request_is_a_dead_letter(wrong):
    with pytest.raises(UnreadableRecord, match="not a test"):
        parse_record(json.dumps(body(**wrong)), now=time.time())


def test_it_says_that_it_is_a_test_and_names_stack_and_time():
    message = compose_self_test(SelfTest(ID, (), 1_763_608_365.0), Origin("production", "production-dispatcher-1a2b"))

    assert (message.kind, message.status, message.severity) == ("test", "TEST", Severity.INFO)
    assert (message.key, message.title) == (f"test#{ID}", "Test message from production")
    assert "only a test" in message.summary
    assert {fact.label: fact.value for fact in message.facts} == {
        "Stack": "production",
        "Function": "production-dispatcher-1a2b",
        "Asked for": "2025-11-20 03:12:45 UTC",
    }
    assert Message.from_dict(message.to_dict()) == message


class Channel:
    def __init__(self, *errors):
        self.errors, self.got = list(errors), []

    def send(self, message):
        if self.errors:
            raise self.errors.pop(0)
        self.got.append(message)


def with_filters(invocation):
    """The same notifiers, each with filters that no test message passes."""
    instances = [replace(one, statuses=("FAILED",), jobs=("nightly",)) for one in invocation.dispatcher.instances]
    invocation.dispatcher = replace(invocation.dispatcher, instances=instances)
    return invocation


def test_it_reaches_every_notifier_despite_filters(stack, row):
    ops, team = Channel(), Channel()
    invocation, test = with_filters(stack(ops=ops, team=team)), body()

    assert invocation.run(test) == []
    assert [message.key for message in ops.got + team.got] == [f"test#{test['id']}"] * 2
    assert all("sent" in row(f"test#{test['id']}", name) for name in ("ops", "team"))


def test_it_reaches_only_the_named_notifiers_and_each_once(stack):
    ops, team = Channel(), Channel()
    invocation, test = stack(ops=ops, team=team), body(notifiers=["team", "team"])
    invocation.run(test, test)
    invocation.run(test)

    assert (len(ops.got), len(team.got)) == (0, 1)


def result_and_reason(row):
    return row["result"]["S"], row["reason"]["S"]


def test_a_refusal_is_only_written_to_the_ledger_and_the_others_get_theirs(stack, row):
    team, lost = Channel(), Channel(TemporaryError("no answer", maybe_delivered=True))
    invocation = stack(gone=Channel(PermanentError("404")), busy=Channel(TemporaryError("503")), lost=lost, team=team)
    test = body()

    assert invocation.run(test) == []
    assert (invocation.bodies("dead"), invocation.tickets(), len(team.got)) == ([], 0, 1)
    key = f"test#{test['id']}"
    assert result_and_reason(row(key, "gone")) == ("permanent", "404")
    assert result_and_reason(row(key, "busy")) == ("temporary", "503")
    assert result_and_reason(row(key, "lost")) == ("unknown", "no answer")
    assert "sent" in row(key, "team")


def test_an_open_breaker_is_written_to_the_ledger_too(stack, row):
    busy = Channel(*[TemporaryError("429", retry_after=20)] * 3)
    invocation, test = stack(busy=busy), body()
    invocation.run(body(), body(), body())
    invocation.run(test)

    assert result_and_reason(row(f"test#{test['id']}", "busy")) == (
        "temporary",
        "the channel is left alone for a while: 429",
    )


def test_a_notifier_that_the_stack_does_not_have_is_a_dead_letter_that_names_it(stack):
    team = Channel()
    invocation = stack(team=team)
    invocation.run(body(notifiers=["teem", "team"]))
    (dead,) = invocation.bodies("dead")

    assert (dead["notifier"], dead["reason"]) == ("teem", "the stack has no notifier teem")
    assert len(team.got) == 1
