"""Every channel hangs at the same time: the function gives up before Lambda would kill it, and nothing gets lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell_local.collecting_queue import CollectingQueue
from tests.end_to_end.conftest import TIMEOUT, Stack
from tests.end_to_end.watched import NOTIFIERS, REPEAT, finished, strings

HANGS = 3 * TIMEOUT  # seconds; no caller waits so long
# Seconds between the bytes of an answer: no read times out, and all of it takes longer than the function may.
DRIP = 4.0


@dataclass(frozen=True)
class Hanging:
    """The stack while its channels hang. Slack takes the messages and its answers drip in; mails and publications get
    no answer and are never executed."""

    stack: Stack
    topic: CollectingQueue

    def hang(self) -> None:
        self.stack.sink.answer(status=200, delay=DRIP, drip=DRIP)
        for action in ("ses:SendEmail", "sns:Publish"):
            self.stack.cloud.fail(action, delay=HANGS, cut="before")

    def heal(self) -> None:
        self.stack.sink.answer(status=200)
        self.stack.cloud.clear_faults()

    def texts(self) -> Mapping[str, list[str]]:
        """What each channel has got so far, by notifier."""
        return {
            "slack": ["\n".join(strings(payload["blocks"])) for payload in self.stack.sink.accepted],
            "email": [mail["BodyText"] for mail in self.stack.cloud.mailbox()],
            "sns": ["\n".join(strings(json.loads(json.loads(body)["Message"]))) for body in self.topic.bodies()],
        }

    def unknown(self, notifier: str, names: Sequence[str]) -> list[str]:
        """Those of the jobs of which the function's log says that the notifier got no answer."""
        lines = [json.loads(line) for line in self.stack.log().splitlines() if '"unknown"' in line]
        found = {line["job"] for line in lines if (line["notifier"], line["result"]) == (notifier, "unknown")}
        return [name for name in names if name in found]

    def durations(self) -> list[float]:
        """Seconds that Lambda reports, of every invocation."""
        return [int(taken) / 1_000 for taken in re.findall(r"^REPORT .*?\tDuration: (\d+) ms", self.stack.log(), re.M)]


@pytest.fixture
def hanging(print_color: Stack, warm: CollectingQueue) -> Iterator[Hanging]:
    channels = Hanging(print_color, warm)
    channels.hang()
    yield channels
    channels.heal()


@pytest.fixture(scope="module")
def warm(print_color: Stack, event: Callable[..., dict[str, Any]]) -> CollectingQueue:
    """The topic's subscriber, once the function's process runs: its start is no part of an invocation on Lambda."""
    topic_arn = print_color.deployment.outputs["notifiers"]["sns"]["topic_arn"]
    topic = CollectingQueue.of_topic(print_color.cloud, "people", topic_arn)
    print_color.send(finished(event, "warm-up"))
    print_color.told("warm-up")
    print_color.settled()
    return topic


@pytest.mark.parametrize("jobs", [1, 10])
def test_an_invocation_whose_channels_all_hang_ends_by_itself_and_leaves_a_ticket_for_each_message(
    hanging, event, name, jobs
):
    stack, before = hanging.stack, len(hanging.durations())
    names = [f"{name}-{number}" for number in range(jobs)]
    stack.send(*(finished(event, one) for one in names))
    # Gone for good: a record that is not deleted is counted too, and is there for six times the function's timeout.
    stack.wait_until(lambda: stack.in_queue("intake_queue_url") == 0, "taken", timeout=5 * TIMEOUT)
    stack.wait_until(lambda: stack.in_queue("retry_queue_url") == len(NOTIFIERS) * jobs, "a ticket for each")
    stack.wait_until(lambda: len(hanging.durations()) > before, "reported")
    took = max(hanging.durations()[before:])
    hanging.heal()
    stack.wait_until(lambda: _all_told(hanging.texts(), names), "told", timeout=40)
    stack.settled()

    assert TIMEOUT / 2 < took < TIMEOUT
    assert max(hanging.durations()) < TIMEOUT
    assert "Task timed out" not in stack.log()
    assert stack.dead_letters() == []
    for notifier, texts in hanging.texts().items():
        unknown = hanging.unknown(notifier, names)
        marks = [(one, _is_marked(text, one, names)) for one in names for text in texts if one in text.split()]

        assert unknown
        assert [one for one, marked in marks if marked] == unknown
        # Slack had taken them before: there the mark is right.
        first = names if notifier == "slack" else [one for one in names if one not in unknown]
        assert [one for one, marked in marks if not marked] == first


def _is_marked(text: str, name: str, names: Sequence[str]) -> bool:
    """Whether the text says of that job that it may be a repeat: in the job's line, if there are lines of many."""
    alone = sum(one in text.split() for one in names) == 1
    lines = [text] if alone else text.splitlines()
    return any(name in line.split() and REPEAT in line for line in lines)


def _all_told(texts: Mapping[str, list[str]], names: Sequence[str]) -> bool:
    """Whether each job is on every channel; Slack had taken them, so there the repeat counts."""
    return all(
        any(name in text.split() and (notifier != "slack" or REPEAT in text) for text in texts[notifier])
        for notifier in NOTIFIERS
        for name in names
    )
