"""A thousand array jobs finish within two seconds, and Slack takes one message a second."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.burst import JOBS, MESSAGES, PATIENCE, SECONDS, Burst, count_jobs, run
from bench.local_stack import deploy


@pytest.fixture(scope="module")
def burst(project: Path) -> Burst:
    with deploy(project) as stack:
        return run(stack)


def test_the_jobs_finish_within_two_seconds_and_slack_refuses_what_is_too_fast(burst):
    assert burst.raised < SECONDS
    assert burst.refused > 0


def test_slack_gets_each_job_once_in_few_messages_within_a_minute_and_a_half(burst):
    assert count_jobs(burst.slack) == dict.fromkeys(burst.names, 1)
    assert len(burst.slack) <= MESSAGES
    assert max(burst.accepted) < PATIENCE


def test_the_topic_gets_a_message_of_its_own_for_each_job(burst):
    assert Counter(message["job_name"] for message in burst.published) == dict.fromkeys(burst.names, 1)


def test_each_job_is_in_one_mail(burst):
    assert count_jobs((mail["Subject"], mail["BodyText"]) for mail in burst.mails) == dict.fromkeys(burst.names, 1)


def test_what_was_answered_is_not_called_a_repeat(burst):
    told = json.dumps([burst.slack, [mail["BodyText"] for mail in burst.mails], burst.published])

    assert told.lower().count("may be a repeat") <= burst.unknown


def test_the_ledger_says_that_all_was_sent_and_nothing_died(burst):
    assert len(burst.rows) == 3 * JOBS
    assert [row for row in burst.rows if "sent" not in row or "token" in row] == []
    assert burst.dead == 0
