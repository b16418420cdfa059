"""Each fault of each channel, on the real path: what that channel got in the end, and that no other one noticed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchbell.dispatcher.timing import Timing
from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import deploy, this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.end_to_end.channel_cells import ALL, CHANNELS, Cell
from tests.end_to_end.channel_laboratory import NAMES, Matrix, meet_all
from tests.end_to_end.conftest import TIMEOUT, Stack

REPEAT = "may be a repeat"
# As the stack ships, but each job by itself: in a digest the faults of several cells would mix.
NOTIFIERS = [
    {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}, "digest_after": 0},
    {"type": "email", "name": "email", "sender": SENDER, "recipients": ["team@example.com"], "digest_after": 0},
    {"type": "sns", "name": "sns"},
]
START = 2.0  # s; of a new process, which takes no part of an invocation on Lambda
PROMPT = START + Timing(TIMEOUT).sends  # s; one send budget


@pytest.fixture(scope="module")
def matrix(
    own_cloud: LocalCloud,
    sink: SlackSink,
    project: Path,
    wait_until: Callable[..., None],
    event: Callable[..., dict[str, Any]],
) -> Matrix:
    deployment = deploy(
        own_cloud.environment(),
        project,
        "print-color",
        config={**this_machine(), "function_timeout": TIMEOUT, "notifiers": NOTIFIERS},
        secrets={"slackWebhook": sink.url},
    )
    topic = CollectingQueue.of_topic(own_cloud, "people", deployment.outputs["notifiers"]["sns"]["topic_arn"])
    return meet_all(Stack(own_cloud, deployment, sink, wait_until), topic, event)


@pytest.fixture(params=ALL, ids=lambda cell: cell.title)
def cell(request: pytest.FixtureRequest) -> Cell:
    chosen: Cell = request.param
    return chosen


def test_the_faulty_channel_gets_the_job_once_or_a_marked_repeat_or_never(matrix, cell):
    texts = matrix.found[cell].texts[cell.channel]

    assert tuple(REPEAT in text for text in texts) == cell.accepted


def test_what_the_fault_means_is_in_the_log(matrix, cell):
    first, *rest = matrix.found[cell].log[cell.channel]

    assert (first["result"], first["attempt"]) == (cell.first, 1)
    assert re.search(cell.reason, first["reason"])
    assert [line["result"] for line in rest][-1:] == ([] if cell.first in ("sent", "permanent") else ["sent"])


def test_the_other_channels_get_it_once_and_at_once(matrix, cell):
    found = matrix.found[cell]
    for channel in set(CHANNELS) - {cell.channel}:
        (text,) = found.texts[channel]
        (line,) = found.log[channel]

        assert REPEAT not in text
        assert (line["result"], line["attempt"]) == ("sent", 1)
        assert float(found.rows[channel]["sent"]["N"]) - found.sent_at < PROMPT


def test_the_ledger_says_sent_of_what_was_accepted_and_of_nothing_else(matrix, cell):
    rows = matrix.found[cell].rows
    sent = {channel for channel, row in rows.items() if "sent" in row}

    assert sent == set(CHANNELS) - (set() if cell.accepted else {cell.channel})
    assert not any("token" in row for row in rows.values())


def test_only_what_is_refused_for_good_is_a_dead_letter_and_it_says_why(matrix, cell):
    letters = matrix.found[cell].letters
    if cell.first != "permanent":
        assert letters == []
        return
    (letter,) = letters

    assert letter["notifier"] == cell.channel
    assert re.search(cell.reason, letter["reason"])


@pytest.mark.parametrize("cell", [cell for cell in ALL if cell.pause], ids=lambda cell: cell.title)
def test_a_channel_that_asks_to_wait_is_not_asked_before(matrix, cell):
    first, second = matrix.asked[NAMES[cell]]

    assert second - first >= cell.pause


def test_the_webhook_is_in_no_dead_letter_and_not_in_the_log(matrix):
    secret = matrix.webhook.rpartition("/")[2]

    assert matrix.letters
    assert all(name in matrix.log for name in NAMES.values())
    assert secret not in json.dumps(matrix.letters)
    assert secret not in matrix.log
