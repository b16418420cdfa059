from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from batchbell import __version__
from batchbell.contract import PARTS_LEFT_OUT, FailureGroup, Link, Severity, Tag
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.ticket import InvalidTicket, Ticket
from batchbell.texts import tidy
from batchbell.wire import HEALTH_KEY


@pytest.fixture
def message(event):
    group = FailureGroup(
        "Essential container in task exited",
        3,
        "0-2",
        1,
        Link("Log", "https://us-east-1.console.aws.amazon.com/x"),
        "It was not found.",
        ("no colour left",),
        "",
        2,
    )
    return compose(Job.from_event(event("parent-failed")), Failures((group,)))


def test_a_ticket_comes_back_as_it_was(message):
    ticket = Ticket(message, "ops", "Slack answered 500", first_tried=100.5, attempt=3)

    assert Ticket.from_body(json.loads(ticket.to_body()), now=999.0) == ticket


VERSIONS = sorted((Path(__file__).parent / "tickets").glob("*.json"))


@pytest.mark.parametrize("path", VERSIONS, ids=[path.stem for path in VERSIONS])
def test_a_ticket_of_every_version_is_read(path, message):
    """Each release adds what it writes: see CONTRIBUTING.md. `later` is what one that is not written yet could."""
    body = json.loads(path.read_text())
    ticket = Ticket.from_body(body, now=body["first_tried"] + 60)

    assert (ticket.notifier, ticket.reason, ticket.attempt) == ("ops", "Slack answered 500", 3)
    assert (ticket.message.key, ticket.message.title) == (message.key, message.title)
    assert ticket.message.facts
    assert ticket.message.failures


def test_what_this_version_writes_is_in_the_table(message):
    ticket = Ticket(message, "ops", "Slack answered 500", first_tried=1_790_000_000.5, attempt=3)
    written = (Path(__file__).parent / "tickets" / f"{__version__}.json").read_text()

    assert json.loads(ticket.to_body()) == json.loads(written)


def test_a_part_that_cannot_be_read_is_left_out_and_the_message_says_so(message):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body())
    body["message"] |= {"facts": [*body["message"]["facts"], {"name": "Cost", "amount": 3}], "severity": "disaster"}
    read = Ticket.from_body(body, now=2.0).message

    assert read == replace(message, severity=Severity.INFO).with_note(PARTS_LEFT_OUT)


@pytest.mark.parametrize("odd", [None, 1, 1.5, "x", [], [1], [None], ["x"], [[]], {}, {"a": 1}, [{"key": 1}]])
@pytest.mark.parametrize(
    "place", ["tags", "owner", "failures", "jobs", "log_lines", "meaning", "job tags", "job owner"]
)
def test_an_odd_value_costs_no_more_than_the_part_that_has_it(message, place, odd):
    message = replace(message, failures=(FailureGroup("reason", 1, "0"),), tags=(Tag("team", "a"),))
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body())
    written = body["message"]
    entry = {"title": "job", "severity": "failure"}
    {"log_lines": written["failures"][0], "meaning": written["failures"][0]}.get(place, written)[place] = odd
    if place.startswith("job "):
        written["jobs"] = [entry, {**entry, place.removeprefix("job "): odd}]
    read = Ticket.from_body(body, now=2.0).message

    assert (read.title, read.facts) == (message.title, message.facts)
    assert all(len(line) > 1 or line == "x" for group in read.failures for line in group.log_lines)
    if place in ("log_lines", "job tags") and odd not in ([], ["x"]):
        assert PARTS_LEFT_OUT in read.notes


def test_a_ticket_of_the_longest_message_is_taken_by_sqs(message):
    """A log of emoji takes twelve bytes a character as JSON; SQS takes 1 MiB, and a record that stays crashes."""
    group = FailureGroup("🔥" * 500, 3, "1," * 150, 1, Link("Log", f"https://x.example/{'a' * 1_900}"))
    logged = replace(group, log_lines=("🔥" * 300,) * 50)
    tags = tuple(Tag(f"🔥{number}" * 100, "🔥" * 2_000) for number in range(60))
    longest = tidy(replace(message, failures=(*[logged] * 3, *[group] * 47), tags=tags, owner="🔥" * 256))
    body = Ticket(longest, "ops", "Slack answered 500", first_tried=1.0).to_body()
    read = Ticket.from_body(json.loads(body), now=2.0).message

    assert len(body.encode()) < 1024**2
    assert len(read.failures) == 50
    assert "the logs are left out" in read.notes[-1]


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


@pytest.mark.parametrize("change", [{"message": None}, {"message": {}}, {"notifier": 7}])
def test_a_ticket_without_a_message_or_a_notifier_is_refused(message, change):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body()) | change

    with pytest.raises(InvalidTicket):
        Ticket.from_body(body, now=1.0)


@pytest.mark.parametrize("change", [{"key": None}, {"key": ""}, {"key": "x" * 3_000}, {"title": 7}])
def test_a_message_without_a_key_or_a_title_is_refused(message, change):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body())
    body["message"] |= change

    with pytest.raises(InvalidTicket):
        Ticket.from_body(body, now=1.0)


@pytest.mark.parametrize("when", [1e12, 10**400, float("nan"), -5, "soon", None, True])
def test_a_time_in_the_future_or_an_odd_one_counts_as_now(message, when):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body()) | {"first_tried": when}

    assert Ticket.from_body(body, now=900.0).first_tried == 900


@pytest.mark.parametrize(("attempt", "read"), [(float("inf"), 0), (-1, 0), (None, 0), (2.5, 2), (10**400, 10_000)])
def test_an_odd_number_of_attempts_is_brought_into_range(message, attempt, read):
    body = json.loads(Ticket(message, "ops", "reason", 1.0).to_body()) | {"attempt": attempt}

    assert Ticket.from_body(body, now=900.0).attempt == read
