from __future__ import annotations

import json

import pytest

from demo.chaos.audit import audit_run
from demo.chaos.workload import Workload

ARN = "arn:aws:batch:us-east-1:123456789012:job/"
WORKLOAD = Workload({f"{ARN}1#FAILED": "chaos-0001", f"{ARN}2#SUCCEEDED": "chaos-0002"}, [], ["no JSON"])
INVALID = {"unreadable": 1, "reason": "the record is not JSON", "sha256": "abc", "size": 7}
ONE, TWO = ["chaos-0001 failed"], ["chaos-0002 succeeded"]
REPEAT = [*ONE, "This may be a repeat: an earlier attempt got no answer."]
DIGEST = ["2 jobs finished", "❌ chaos-0001 failed (may be a repeat)\n✅ chaos-0002 succeeded"]


@pytest.fixture
def audit():
    def run(slack, dead=(INVALID,), log=(), kills=0):
        arrived = {"slack": slack, "email": [ONE, TWO]}
        return audit_run(WORKLOAD, arrived, list(dead), log, {"slack: 429": 3, "slack: 500": 0}, kills, 7, 1.23)

    return run


def ticket(reason):
    message = {"key": f"{ARN}1#FAILED"}
    return {"ticket": 1, "message": message, "notifier": "slack", "reason": reason}


def outcome(result, reason=""):
    key = f"{ARN}1#FAILED"
    return {"message": "outcome", "notifier": "slack", "message_key": key, "result": result, "reason": reason}


def test_a_run_without_losses_or_duplicates_is_all_numbers(audit):
    result = audit([ONE, TWO])

    assert result.violations() == []
    assert result.to_dict() == {
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


def test_a_job_is_lost_if_it_neither_arrived_nor_is_a_dead_letter(audit):
    assert audit([TWO]).violations() == ["lost: chaos-0001 for slack"]
    assert audit([TWO]).to_dict()["lost"] == 1
    assert audit([TWO], dead=[INVALID, ticket("404")]).violations() == []
    assert audit([ONE, TWO], dead=[]).violations() == ["lost: an invalid record for *"]


def test_an_event_that_crashed_the_function_on_every_attempt_is_a_dead_letter_for_every_notifier(audit):
    event = {"source": "aws.batch", "detail": {"jobName": "chaos-0001"}}
    result = audit([TWO], dead=[INVALID, event])

    assert result.violations() == []
    assert result.dead_letters[1].job == "chaos-0001"


def test_a_digest_reports_each_of_its_jobs_and_marks_them_one_by_one(audit):
    result = audit([ONE, DIGEST], log=[outcome("unknown", "no answer in time"), outcome("sent")])

    assert (result.delivered["slack"], result.messages["slack"]) == (2, 2)
    assert [(one.job, one.times, one.marked) for one in result.duplicates] == [("chaos-0001", 2, True)]
    assert result.duplicates[0].cause == "unknown outcome: no answer in time"
    assert result.violations() == []


def test_a_duplicate_without_a_mark_is_a_violation(audit):
    result = audit([ONE, ONE, TWO], log=[outcome("unknown", "no answer in time")])

    assert result.violations() == ["duplicate without a mark: chaos-0001 for slack"]


def test_a_mark_on_one_job_of_a_digest_marks_no_other_job(audit):
    result = audit([TWO, DIGEST], kills=1)

    assert result.violations() == ["duplicate without a mark: chaos-0002 for slack"]


@pytest.mark.parametrize(
    ("log", "kills", "cause"),
    [
        ([], 0, ""),
        ([], 1, "the function was killed before it could log the outcome"),
        ([outcome("sent")], 1, "the function was killed before it could log the outcome"),
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
def test_a_duplicate_has_a_known_cause_or_is_a_violation(audit, log, kills, cause):
    result = audit([ONE, REPEAT, TWO], log=log, kills=kills)

    assert result.duplicates[0].cause == cause
    assert result.violations() == ([] if cause else ["duplicate without a cause: chaos-0001 for slack"])
    json.dumps(result.to_dict())
