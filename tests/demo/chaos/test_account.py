from __future__ import annotations

import json

import pytest

from demo.chaos.account import draw_up
from demo.chaos.traffic import Traffic

ARN = "arn:aws:batch:us-east-1:123456789012:job/"
TRAFFIC = Traffic({f"{ARN}1#FAILED": "chaos-0001", f"{ARN}2#SUCCEEDED": "chaos-0002"}, [], ["no JSON"])
ODD = {"unreadable": 1, "reason": "the record is not JSON", "sha256": "abc", "size": 7}
ONE, TWO = ["chaos-0001 failed"], ["chaos-0002 succeeded"]
REPEAT = [*ONE, "This may be a repeat: an earlier attempt got no answer."]
DIGEST = ["2 jobs finished", "❌ chaos-0001 failed (may be a repeat)\n✅ chaos-0002 succeeded"]


@pytest.fixture
def account():
    def draw(slack, dead=(ODD,), log=(), kills=0):
        arrived = {"slack": slack, "email": [ONE, TWO]}
        return draw_up(TRAFFIC, arrived, list(dead), log, {"slack: 429": 3, "slack: 500": 0}, kills, 7, 1.23)

    return draw


def ticket(reason):
    message = {"key": f"{ARN}1#FAILED"}
    return {"ticket": 1, "message": message, "notifier": "slack", "reason": reason}


def outcome(result, reason=""):
    key = f"{ARN}1#FAILED"
    return {"message": "outcome", "notifier": "slack", "message_key": key, "result": result, "reason": reason}


def test_a_run_without_flaw_is_told_in_numbers(account):
    drawn = account([ONE, TWO])

    assert drawn.wrong() == []
    assert drawn.to_dict() == {
        "seed": 7,
        "accepted": 2,
        "delivered": {"slack": 2, "email": 2},
        "messages": {"slack": 2, "email": 2},
        "duplicates": 0,
        "dead_letters": 1,
        "lost": 0,
        "seconds": 1.2,
        "faults": {"slack: 429": 3},
        "each_duplicate": [],
        "each_dead_letter": [{"job": "", "notifier": "*", "cause": "the record is not JSON"}],
        "each_lost": [],
        "wrong": [],
    }


def test_what_neither_arrived_nor_is_a_dead_letter_is_lost(account):
    assert account([TWO]).wrong() == ["lost: chaos-0001 for slack"]
    assert account([TWO], dead=[ODD, ticket("404")]).wrong() == []
    assert account([ONE, TWO], dead=[]).wrong() == ["lost: an odd record for *"]


def test_an_event_that_killed_the_function_again_and_again_is_a_dead_letter_for_every_notifier(account):
    event = {"source": "aws.batch", "detail": {"jobName": "chaos-0001"}}
    drawn = account([TWO], dead=[ODD, event])

    assert drawn.wrong() == []
    assert drawn.dead_letters[1].job == "chaos-0001"


def test_a_digest_tells_of_each_of_its_jobs_and_marks_them_one_by_one(account):
    drawn = account([ONE, DIGEST], log=[outcome("unknown", "no answer in time"), outcome("sent")])

    assert (drawn.delivered["slack"], drawn.messages["slack"]) == (2, 2)
    assert [(one.job, one.times, one.marked) for one in drawn.duplicates] == [("chaos-0001", 2, True)]
    assert drawn.duplicates[0].cause == "unknown outcome: no answer in time"
    assert drawn.wrong() == []


def test_what_came_twice_without_a_mark_is_wrong(account):
    drawn = account([ONE, ONE, TWO], log=[outcome("unknown", "no answer in time")])

    assert drawn.wrong() == ["doubled without a mark: chaos-0001 for slack"]


def test_a_mark_on_one_job_of_a_digest_marks_no_other(account):
    drawn = account([TWO, DIGEST], kills=1)

    assert drawn.wrong() == ["doubled without a mark: chaos-0002 for slack"]


@pytest.mark.parametrize(
    ("log", "kills", "cause"),
    [
        ([], 0, ""),
        ([], 1, "the function was killed before it could say what became of it"),
        ([outcome("sent")], 1, "the function was killed before it could say what became of it"),
        ([outcome("sent"), outcome("sent")], 1, ""),
        ([outcome("unknown", "Slack gave no answer"), outcome("sent")], 1, "unknown outcome: Slack gave no answer"),
        (
            [
                {
                    "message": "the ledger could not be written",
                    "notifier": "slack",
                    "message_keys": [f"{ARN}1#FAILED"],
                    "reason": "Throttling",
                }
            ],
            0,
            "the ledger could not be written: Throttling",
        ),
    ],
)
def test_what_came_twice_has_a_cause_or_is_wrong(account, log, kills, cause):
    drawn = account([ONE, REPEAT, TWO], log=log, kills=kills)

    assert drawn.duplicates[0].cause == cause
    assert drawn.wrong() == ([] if cause else ["doubled without a cause: chaos-0001 for slack"])
    json.dumps(drawn.to_dict())
