"""A thousand array jobs finish within two seconds, and Slack accepts one message a second."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.burst import BURST_SECONDS, JOBS, MAX_MESSAGES, MAX_SECONDS, Burst, count_jobs, run
from bench.local_stack import deploy


@pytest.fixture(scope="module")
def burst(project: Path) -> Burst:
    with deploy(project) as stack:
        return run(stack)


def test_the_jobs_finish_within_two_seconds_and_slack_refuses_some_requests(burst):
    assert burst.raised < BURST_SECONDS
    assert burst.refused > 0


def test_slack_gets_each_job_once_in_few_messages_within_90_seconds(burst):
    assert count_jobs(burst.slack) == dict.fromkeys(burst.names, 1)
    assert len(burst.slack) <= MAX_MESSAGES
    assert max(burst.accepted) < MAX_SECONDS


def test_the_topic_gets_one_message_for_each_job(burst):
    assert Counter(message["job_name"] for message in burst.published) == dict.fromkeys(burst.names, 1)


def test_each_job_is_in_one_email(burst):
    assert count_jobs((mail["Subject"], mail["BodyText"]) for mail in burst.mails) == dict.fromkeys(burst.names, 1)


def test_only_a_send_without_an_answer_is_marked_as_a_possible_repeat(burst):
    texts = json.dumps([burst.slack, [mail["BodyText"] for mail in burst.mails], burst.published])

    assert texts.lower().count("may be a repeat") <= burst.unknown


def test_the_ledger_has_every_message_as_sent_and_there_are_no_dead_letters(burst):
    assert len(burst.rows) == 3 * JOBS
    assert [row for row in burst.rows if "sent" not in row or "token" in row] == []
    assert burst.dead == 0
