"""The settings of the sweeps, and the statuses of messages that depend on them."""

from __future__ import annotations

import pytest

from batchbell.provisioning import Context
from batchbell.wire import Status
from components.settings.mistakes import InvalidSettings
from components.settings.model import check_settings
from components.settings.statuses import MESSAGE_STATUSES
from components.settings.watch import minutes_between_sweeps
from notifiers.email import infrastructure as email

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
HERE = Context("nightly", "aws", "us-east-1", "123456789012")
EARLY = {"percent": 20, "at_least": 5}


def check(*notifiers, **raw):
    given = {"notifiers": list(notifiers) or [MAIL], "job_queue_arns": [QUEUE]} | raw
    return check_settings(given, secrets={}, context=HERE, prefix="batchbell:")


def mistakes(*notifiers, **raw):
    with pytest.raises(InvalidSettings) as invalid:
        check(*notifiers, **raw)
    return [str(mistake).removeprefix("batchbell:") for mistake in invalid.value.mistakes]


@pytest.mark.parametrize(
    ("raw", "progress", "minutes"),
    [
        ({}, False, None),
        ({"watch_every": 0, "early_failures": {}, "overdue_after": (), "stalled_after": 0}, False, None),
        ({}, True, 5),
        ({"early_failures": EARLY}, False, 5),
        ({"overdue_after": ({"minutes": 480},)}, False, 5),
        ({"stalled_after": 60}, False, 5),
        ({"watch_every": 15}, False, 15),
        ({"watch_every": 1, "stalled_after": 1}, True, 1),
    ],
)
def test_sweeps_come_as_often_as_asked_and_only_if_something_needs_them(raw, progress, minutes):
    assert minutes_between_sweeps(check(**raw), progress=progress) == minutes


@pytest.mark.parametrize(
    ("raw", "reported"),
    [
        ({"watch_every": 16}, "watch_every: got 16; takes 0, or whole minutes from 1 to 15, for example 5"),
        ({"watch_every": 2.5}, "watch_every: got 2.5; takes 0, or whole minutes"),
        ({"watch_every": True}, "watch_every: got true; takes 0, or whole minutes"),
        ({"early_failures": 20}, "early_failures: got 20; takes an object of percent (1 to 100) and at_least (1 to"),
        ({"early_failures": {"percent": 20}}, "early_failures.at_least: is missing; takes a whole number from 1 to 10"),
        ({"early_failures": {**EARLY, "percent": 0}}, "early_failures.percent: got 0; takes a whole number from 1 to"),
        ({"early_failures": {**EARLY, "share": 1}}, "early_failures.share: no such setting; available: at_least, perc"),
        (
            {"overdue_after": 480},
            "overdue_after: got 480; takes a list of objects of jobs (a job name pattern; without",
        ),
        ({"overdue_after": ({"jobs": "x"},)}, "overdue_after[0].minutes: is missing; takes a whole number from 1 to 4"),
        ({"overdue_after": ({"jobs": "a b", "minutes": 1},)}, "overdue_after[0].jobs: got 'a b'; takes a pattern that"),
        ({"overdue_after": ({"minutes": 43_201},)}, "overdue_after[0].minutes: got 43201; takes a whole number from"),
        (
            {"overdue_after": ({"minutes": 60}, {"jobs": "nightly-*", "minutes": 480})},
            "overdue_after: got 'nightly-*' after '*', and the first pattern that a job's name matches counts; takes",
        ),
        ({"stalled_after": -1}, "stalled_after: got -1; takes 0, or whole minutes from watch_every to 43,200, for"),
        ({"stalled_after": 4}, "stalled_after: got 4, and the sweeps are 5 minutes apart; takes no fewer minutes than"),
        ({"watch_every": 15, "stalled_after": 14}, "stalled_after: got 14, and the sweeps are 15 minutes apart; takes"),
    ],
)
def test_a_mistake_is_reported_with_what_the_setting_takes(raw, reported):
    (mistake,) = mistakes(**raw)

    assert mistake.startswith(reported)


def test_all_mistakes_are_reported_at_once():
    wrong = {"watch_every": 99, "early_failures": {}, "overdue_after": ({},), "stalled_after": "long"}

    assert [one.partition(":")[0] for one in mistakes(**wrong)] == [
        "watch_every",
        "overdue_after[0].minutes",
        "stalled_after",
    ]


@pytest.mark.parametrize(
    ("status", "asked", "needs"),
    [
        ("EARLY", {"early_failures": EARLY}, "early_failures, for example {percent: 20, at_least: 5}"),
        (
            "OVERDUE",
            {"overdue_after": ({"minutes": 480},)},
            "overdue_after, for example [{jobs: nightly-*, minutes: 480}]",
        ),
        ("STALLED", {"stalled_after": 60}, "stalled_after, for example 60"),
    ],
)
def test_a_notifier_may_choose_a_warning_that_the_stack_turns_on(status, asked, needs):
    on_call = MAIL | {"statuses": [status]}

    assert check(on_call, **asked).notifiers[0].statuses == (status,)
    assert mistakes(on_call) == [
        f"notifiers[0].statuses[0]: got '{status}', which needs batchbell:{needs}; takes one of SUCCEEDED, FAILED, "
        "BLOCKED"
    ]


def test_a_warning_whose_setting_is_wrong_is_not_reported_twice():
    (mistake,) = mistakes(MAIL | {"statuses": ["STALLED"]}, stalled_after="long")

    assert mistake.startswith("stalled_after: got 'long'")


def test_a_notifier_with_live_messages_may_choose_running(monkeypatch):
    live = MAIL | {"statuses": ["RUNNING", "FAILED"]}
    (mistake,) = mistakes(live)
    monkeypatch.setattr(email.Settings, "shows_progress", True)

    assert mistake.startswith("notifiers[0].statuses[0]: got 'RUNNING', which the stack's rules never let through")
    assert check(live).notifiers[0].statuses == ("RUNNING", "FAILED")


def test_each_status_of_a_message_about_a_running_job_is_known_to_the_filters():
    assert {*Status} <= {*MESSAGE_STATUSES}
