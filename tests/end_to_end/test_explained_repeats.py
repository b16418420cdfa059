"""A test that allows what a late answer explains still finds what nothing explains."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.explained_repeats import FIRST, REPEAT, is_expected, is_explained, unanswered_sends

pytestmark = pytest.mark.unit

NO_ANSWER, SENT, AGAIN = ("no answer in time", "unknown"), ("sent", "sent"), ("already-sent", "already-sent")
REFUSED = ("Slack answered 500", "temporary")


@pytest.mark.parametrize(
    ("copies", "unanswered", "explained"),
    [
        ([FIRST], 0, True),
        ([FIRST, REPEAT], 1, True),
        ([REPEAT], 1, True),  # the send without an answer did not arrive
        ([FIRST, REPEAT, REPEAT], 2, True),
        ([FIRST, REPEAT], 0, False),  # no send explains it
        ([REPEAT], 0, False),
        ([FIRST, FIRST], 1, False),  # not marked
        ([FIRST, REPEAT, REPEAT], 1, False),
        ([], 1, False),  # lost
    ],
)
def test_only_a_send_without_an_answer_allows_one_marked_copy_more(copies, unanswered, explained):
    assert is_explained(copies, [FIRST], unanswered) is explained


def test_a_repeat_that_the_test_planted_allows_no_other_one_and_what_must_not_arrive_stays_forbidden():
    assert is_explained([FIRST, REPEAT], [FIRST, REPEAT], 1)
    assert not is_explained([FIRST, REPEAT, REPEAT], [FIRST, REPEAT], 1)
    assert not is_explained([REPEAT], [], 1)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([SENT], True),
        ([NO_ANSWER, SENT], True),
        ([NO_ANSWER, AGAIN], True),  # the late answer settled it
        ([AGAIN], False),
        ([REFUSED, SENT], False),
        ([NO_ANSWER], False),
    ],
)
def test_attempts_without_an_answer_are_left_out_and_no_others(outcomes, expected):
    assert is_expected(outcomes, ["sent"]) is expected


def test_a_failure_may_come_several_times_in_a_row_only_where_the_test_allows_it():
    tries = [REFUSED, REFUSED, SENT]

    assert is_expected(tries, [REFUSED[0], "sent"], may_repeat=REFUSED[0])
    assert not is_expected(tries, [REFUSED[0], "sent"])
    assert not is_expected([*tries, SENT], [REFUSED[0], "sent"], may_repeat=REFUSED[0])
    assert not is_expected([SENT], [REFUSED[0], "sent"], may_repeat=REFUSED[0])


def test_the_log_says_which_sends_of_a_job_had_no_answer():
    lines = [
        {"message": "outcome", "job": "nightly", "notifier": "slack", "result": "unknown"},
        {"message": "outcome", "job": "nightly", "notifier": "slack", "result": "sent"},
        {"message": "outcome", "job": "other", "notifier": "email", "result": "unknown"},
    ]

    assert unanswered_sends("\n".join(["START", *map(json.dumps, lines)]), "nightly") == {"slack": 1}
