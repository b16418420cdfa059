"""Each fault of each channel, end to end: what that channel gets in the end, and that no other one is affected."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.end_to_end.channel_fault_cases import ALL, CHANNELS, DRIPS, READ_TIME_OUTS, FaultCase
from tests.end_to_end.channel_fault_run import JOB_NAMES, FaultRunResults, run_all_cases
from tests.end_to_end.explained_repeats import FIRST, REPEAT, is_expected, is_explained, mark_of
from tests.end_to_end.stack import TIMEOUT, Stack, deploy, shorten_batching

LOG_TIME = "%Y-%m-%d %H:%M:%S,%f%z"  # Powertools' Logger
# As the stack ships, but without digests, in which the faults of several cases would mix.
NOTIFIERS = [
    {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}, "digest_after": 0},
    {"type": "email", "name": "email", "sender": SENDER, "recipients": ["team@example.com"], "digest_after": 0},
    {"type": "sns", "name": "sns"},
]


NAME = "channel-faults"
SETTINGS = {"environment_name": NAME, "function_timeout": TIMEOUT, "notifiers": NOTIFIERS}


@pytest.fixture(scope="module")
def results(
    shared_cloud: LocalCloud,
    sink: SlackSink,
    project: Path,
    wait_until: Callable[..., None],
    event: Callable[..., dict[str, Any]],
) -> FaultRunResults:
    deployment = deploy(
        shared_cloud.environment(),
        project,
        NAME,
        config={**SETTINGS, **this_machine()},
        secrets={"slackWebhook": sink.url},
    )
    shorten_batching(shared_cloud, deployment)
    topic = CollectingQueue.of_topic(shared_cloud, NAME, deployment.outputs["notifiers"]["sns"]["topic_arn"])
    return run_all_cases(Stack(shared_cloud, deployment, sink, wait_until), topic, event)


@pytest.fixture(params=ALL, ids=lambda case: case.title)
def case(request: pytest.FixtureRequest) -> FaultCase:
    chosen: FaultCase = request.param
    return chosen


def test_the_faulty_channel_gets_the_job_once_or_with_a_marked_repeat_or_never(results, case):
    texts = results.by_case[case].texts[case.channel]

    assert tuple(REPEAT in text for text in texts) == case.accepted


def test_the_log_names_the_result_and_the_reason(results, case):
    first, *rest = results.by_case[case].log[case.channel]

    assert (first["result"], first["attempt"]) == (case.first, 1)
    assert re.search(case.reason, first["reason"])
    assert [line["result"] for line in rest][-1:] == ([] if case.first in ("sent", "permanent") else ["sent"])


def test_the_other_channels_get_it_once_and_at_the_first_attempt(results, case):
    result = results.by_case[case]
    for channel in set(CHANNELS) - {case.channel}:
        copies = [mark_of(text) for text in result.texts[channel]]
        outcomes = [(line["result"], line["result"]) for line in result.log[channel]]

        assert is_explained(copies, [FIRST], outcomes.count(("unknown", "unknown")))
        assert is_expected(outcomes, ["sent"])


@pytest.mark.parametrize("case", [*READ_TIME_OUTS, *DRIPS], ids=lambda case: case.title)
def test_the_other_channels_do_not_wait_for_one_that_hangs(results, case):
    result = results.by_case[case]
    gave_up = datetime.strptime(result.log[case.channel][0]["timestamp"], LOG_TIME).timestamp()

    for channel in set(CHANNELS) - {case.channel}:
        assert float(result.rows[channel]["sent"]["N"]) < gave_up


def test_the_ledger_marks_exactly_the_accepted_messages_as_sent(results, case):
    rows = results.by_case[case].rows
    sent = {channel for channel, row in rows.items() if "sent" in row}

    assert sent == set(CHANNELS) - (set() if case.accepted else {case.channel})
    assert not any("token" in row for row in rows.values())


def test_only_a_permanent_refusal_makes_a_dead_letter_and_it_has_the_reason(results, case):
    letters = results.by_case[case].letters
    if case.first != "permanent":
        assert letters == []
        return
    (letter,) = letters

    assert letter["notifier"] == case.channel
    assert re.search(case.reason, letter["reason"])


@pytest.mark.parametrize("case", [case for case in ALL if case.pause], ids=lambda case: case.title)
def test_a_channel_that_asks_for_a_pause_gets_no_request_during_it(results, case):
    first, second = results.requested_at[JOB_NAMES[case]]

    assert second - first >= case.pause


def test_neither_dead_letters_nor_the_log_contain_the_webhook(results):
    secret = results.webhook.rpartition("/")[2]

    assert results.letters
    assert all(name in results.log for name in JOB_NAMES.values())
    assert secret not in json.dumps(results.letters)
    assert secret not in results.log
