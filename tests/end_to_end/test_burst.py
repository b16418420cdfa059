"""Many array jobs finish at the same time, and Slack accepts one message a second.

How long it takes, and that it does for a thousand jobs, is measured by bench/burst.py.
"""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from bench.burst import NAME, Burst, count_jobs, run
from bench.local_stack import LocalStack
from demo.chaos.duplicates import jobs_in
from demo.chaos.stack import strings_in
from tests.end_to_end.stack import Stack
from tests.waiting import patience

JOBS = 120
MAX_MESSAGES = JOBS // 4  # in Slack: each invocation of ten sends at most one digest of what failed before


@pytest.fixture(scope="module")
def burst(print_color: Stack) -> Burst:
    queue = print_color.cloud.job_queue_arn(print_color.deployment.outputs["job_queue_name"])
    stack = LocalStack(print_color.cloud, print_color.sink, print_color.deployment, queue)
    return run(stack, JOBS, timeout=patience(90))


def test_slack_refuses_some_requests_and_gets_all_jobs_in_few_messages(burst):
    assert burst.refused > 0
    assert count_jobs(burst.slack).keys() == set(burst.names)
    assert len(burst.slack) <= MAX_MESSAGES


@pytest.mark.parametrize("channel", ["slack", "mails", "published"])
def test_each_job_arrives_once_and_only_a_send_without_an_answer_is_repeated_with_a_mark(burst, channel):
    copies = defaultdict(list)
    for message in getattr(burst, channel):
        for job, marked in jobs_in(list(strings_in(message)), NAME).items():
            copies[job].append(marked)

    assert copies.keys() == set(burst.names)
    assert [job for job, marks in copies.items() if marks.count(False) > 1] == []
    assert sum(len(marks) - 1 for marks in copies.values()) <= burst.unknown


def test_only_a_send_without_an_answer_is_marked_as_a_possible_repeat(burst):
    texts = json.dumps([burst.slack, [mail["BodyText"] for mail in burst.mails], burst.published])

    assert texts.lower().count("may be a repeat") <= burst.unknown


def test_the_ledger_has_every_message_as_sent_and_there_are_no_dead_letters(burst):
    assert len(burst.rows) == 3 * JOBS
    assert [row for row in burst.rows if "sent" not in row or "token" in row] == []
    assert burst.dead == 0
