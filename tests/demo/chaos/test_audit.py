from __future__ import annotations

import pytest

from batchbell.wire import BOARD
from tests.demo.chaos.conftest import ARN, INVALID, ONE, TWO, ticket

REFUSED = "Slack answered 400 invalid_payload"


def test_a_run_without_losses_or_duplicates_is_all_numbers(audit):
    result = audit()

    assert result.violations() == []
    assert result.to_dict() == {
        "seed": 7,
        "accepted": 2,
        "delivered": {"slack": 2, "bot": 2, "email": 2},
        "messages": {"slack": 2, "bot": 2, "email": 2},
        "duplicates": 0,
        "dead_letters": 1,
        "lost": 0,
        "boards": {"posts": 0, "edits": 0},
        "waiting": 0,
        "refused": [],
        "descriptors": 12,
        "seconds": 1.2,
        "faults": {"slack: 429": 3},
        "each_duplicate": [],
        "each_dead_letter": [{"job": "", "notifier": "*", "cause": "the record is not JSON"}],
        "each_lost": [],
        "wrong": [],
    }


def test_a_job_is_lost_if_it_neither_arrived_nor_is_a_dead_letter(audit):
    assert audit([TWO]).violations() == ["lost: chaos-0001 for slack"]
    assert audit([TWO]).to_dict()["lost"] == 1
    assert audit(dead=[]).violations() == ["lost: an invalid record for *"]


def test_a_dead_letter_that_its_redrive_neither_delivers_nor_buries_again_is_lost(audit):
    dead = [INVALID, ticket("404")]

    assert audit([TWO], dead=dead, dead_again=[INVALID]).violations() == ["lost: chaos-0001 for slack"]
    assert audit([ONE, TWO], dead=dead, dead_again=[INVALID]).violations() == []


def test_an_event_that_crashed_the_function_on_every_attempt_is_a_dead_letter_for_every_notifier(audit):
    event = {"source": "aws.batch", "detail": {"jobName": "chaos-0001"}}
    result = audit([ONE, TWO], dead=[INVALID, event], dead_again=[INVALID])

    assert result.violations() == []
    assert result.dead_letters[1].job == "chaos-0001"


def test_a_dead_letter_that_sqs_holds_twice_counts_once(audit):
    result = audit(dead=[INVALID, ticket("403"), ticket("403")], dead_again=[])

    assert result.to_dict()["dead_letters"] == 2


def test_a_ticket_may_wait_for_its_lifetime_and_a_slot_and_no_longer(audit):
    log = [{"oldest_undelivered": 1_900.0}]

    assert audit(log=log, waiting=[ticket(not_before=12_402.0)]).violations() == []
    assert audit(log=log, waiting=[ticket(not_before=12_403.0)]).violations() == [
        "alive beyond its lifetime: chaos-0001 for slack"
    ]
    assert audit(waiting=[]).to_dict()["waiting"] == 0


def test_whatever_waits_after_every_lifetime_has_lived_too_long(audit):
    odd = {"raw": "no JSON"}

    assert audit([TWO], alive=[ticket(), odd]).violations() == [
        "alive beyond its lifetime: chaos-0001 for slack",
        "alive beyond its lifetime: a record for *",
    ]


@pytest.mark.parametrize(("ages", "known"), [([], "0"), ([0.0, 12.3], "12")])
def test_a_message_that_waits_is_known_to_an_alarm(audit, ages, known):
    log = [{"message": "outcome"}, *({"oldest_undelivered": age} for age in ages)]

    assert audit(log=log, waiting=[ticket(not_before=12_400.0)]).violations() == [
        f"no alarm knows that messages wait: the oldest is said to be {known} s old"
    ]


def test_connections_and_descriptors_that_are_left_open_are_violations(audit):
    assert audit(connections=2, descriptors=500).violations() == [
        "connections to Slack that were left open: 2",
        "a process of the function has 500 descriptors open",
    ]


def test_a_job_that_slack_refuses_is_a_dead_letter_before_and_after_its_redrive(audit):
    dead = [INVALID, ticket(REFUSED)]

    assert audit([TWO], refused=["chaos-0001"], dead=dead).violations() == []
    assert audit([TWO], refused=["chaos-0001"]).violations() == [
        "lost: chaos-0001 for slack",
        "refused, and not a dead letter: chaos-0001",
    ]


def test_no_other_job_of_its_digest_is_refused(audit):
    dead = [INVALID, ticket(REFUSED, 1), ticket(REFUSED, 2)]
    result = audit([TWO], refused=["chaos-0001"], dead=dead, dead_again=[INVALID, ticket(REFUSED)])

    assert result.violations() == ["dead, although Slack refused another job of its digest: chaos-0002"]


def test_every_other_dead_letter_is_delivered_by_its_redrive(audit):
    result = audit([TWO], dead=[INVALID, ticket("404")])

    assert result.violations() == ["dead again after its redrive, with every channel well: chaos-0001 for slack"]


@pytest.mark.parametrize("part", ["title", "summary", "facts", "links"])
def test_a_dead_letter_holds_its_whole_message(audit, part):
    broken = ticket("404")
    broken["message"] = broken["message"] | {part: ""}
    result = audit(dead=[INVALID, broken], dead_again=[])

    assert result.violations() == ["dead letter without its whole message: chaos-0001 for slack"]


def test_what_a_live_message_would_have_shown_at_last_is_not_the_jobs_own_message(audit):
    last = ticket("not_in_channel")
    last["message"]["key"] = f"{ARN}1{BOARD}"

    assert audit(dead=[INVALID, last], dead_again=[]).violations() == []
    assert audit([TWO], dead=[INVALID, last], dead_again=[]).violations() == ["lost: chaos-0001 for slack"]
