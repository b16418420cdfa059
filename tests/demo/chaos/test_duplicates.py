from __future__ import annotations

import json

import pytest

from tests.demo.chaos.conftest import ARN, INVALID, ONE, TWO, ticket

KEY = f"{ARN}1#FAILED"
REPEAT = [*ONE, "This may be a repeat: an earlier attempt got no answer."]
DIGEST = ["2 jobs finished", "❌ chaos-0001 failed (may be a repeat)\n✅ chaos-0002 succeeded"]
KILLED = "the function was killed before it could log the outcome"


def outcome(result, reason=""):
    return {"message": "outcome", "notifier": "slack", "message_key": KEY, "result": result, "reason": reason}


def about_several(**fields):
    return {"notifier": "slack", "message_keys": [KEY], **fields}


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
        ([], 1, KILLED),
        ([outcome("sent")], 1, KILLED),
        ([outcome("sent"), outcome("sent")], 1, ""),
        ([outcome("unknown", "Slack gave no answer"), outcome("sent")], 1, "unknown outcome: Slack gave no answer"),
        ([about_several(reason="Throttling")], 0, "the ledger could not be written: Throttling"),
        ([about_several(result="sent")], 0, "the claim had run out when the channel had the message"),
        ([about_several(result="temporary")], 0, ""),
    ],
)
def test_a_duplicate_has_a_known_cause_or_is_a_violation(audit, log, kills, cause):
    result = audit([ONE, REPEAT, TWO], log=log, kills=kills)

    assert result.duplicates[0].cause == cause
    assert result.violations() == ([] if cause else ["duplicate without a cause: chaos-0001 for slack"])
    json.dumps(result.to_dict())


def test_a_repeat_after_a_redrive_has_a_cause_and_needs_a_mark(audit):
    dead = {"dead": [INVALID, ticket("202")], "dead_again": []}

    assert audit([ONE, REPEAT, TWO], **dead).violations() == []
    assert audit([ONE, ONE, TWO], **dead).violations() == ["duplicate without a mark: chaos-0001 for slack"]
