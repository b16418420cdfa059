"""Every channel hangs at the same time: the function gives up before Lambda would kill it, and nothing is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell.dispatcher.timing import Timing
from batchbell.webhook import READ_TIMEOUT
from batchbell_local.collecting_queue import CollectingQueue
from tests.end_to_end.explained_repeats import REPEAT
from tests.end_to_end.observed_stack import NOTIFIERS, finished_event, strings
from tests.end_to_end.stack import TIMEOUT, Stack

HANGS = 3 * TIMEOUT  # seconds; longer than any caller waits
# Seconds between the bytes of an answer: no read times out, and the whole answer takes longer than the function may.
DRIP = READ_TIMEOUT - 1


@dataclass(frozen=True)
class HangingChannels:
    """The stack while its channels hang.

    Slack accepts the messages and sends its answers byte by byte; SES and SNS neither answer nor execute the calls.
    """

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
        """Return the texts that each channel has received so far, by notifier."""
        return {
            "slack": ["\n".join(strings(payload["blocks"])) for payload in self.stack.sink.accepted],
            "email": [mail["BodyText"] for mail in self.stack.cloud.mailbox()],
            "sns": ["\n".join(strings(json.loads(json.loads(body)["Message"]))) for body in self.topic.bodies()],
        }

    def unknown(self, notifier: str, names: Sequence[str]) -> list[str]:
        """Return those of the jobs for which the notifier got no answer, according to the function's log."""
        lines = [json.loads(line) for line in self.stack.log().splitlines() if '"unknown"' in line]
        found = {line["job"] for line in lines if (line["notifier"], line["result"]) == (notifier, "unknown")}
        return [name for name in names if name in found]

    def durations(self) -> list[float]:
        """Return the duration of every invocation as Lambda reports it, in seconds."""
        return [int(taken) / 1_000 for taken in re.findall(r"^REPORT .*?\tDuration: (\d+) ms", self.stack.log(), re.M)]


@pytest.fixture
def hanging(print_color: Stack, warm: CollectingQueue) -> Iterator[HangingChannels]:
    channels = HangingChannels(print_color, warm)
    channels.hang()
    yield channels
    channels.heal()


@pytest.fixture(scope="module")
def warm(print_color: Stack, event: Callable[..., dict[str, Any]]) -> CollectingQueue:
    """A subscriber of the topic.

    The function's process runs already, since its start is no part of an invocation on Lambda.
    """
    topic_arn = print_color.deployment.outputs["notifiers"]["sns"]["topic_arn"]
    topic = CollectingQueue.of_topic(print_color.cloud, "hanging", topic_arn)
    print_color.send(finished_event(event, "warm-up"))
    print_color.wait_until_received("warm-up")
    print_color.wait_until_idle()
    return topic


@pytest.mark.parametrize("jobs", [1, 10])
def test_an_invocation_whose_channels_all_hang_ends_in_time_with_a_ticket_for_each_message(hanging, event, name, jobs):
    stack, before = hanging.stack, len(hanging.durations())
    names = [f"{name}-{number}" for number in range(jobs)]
    stack.send(*(finished_event(event, one) for one in names))
    # Zero means deleted: a record in flight is counted too, and returns after six times the function's timeout.
    stack.wait_until_empty("intake_queue_url")
    stack.wait_until(lambda: stack.in_queue("retry_queue_url") == len(NOTIFIERS) * jobs, "a ticket for each")
    stack.wait_until(lambda: len(hanging.durations()) > before, "reported")
    took = max(hanging.durations()[before:])
    hanging.heal()
    stack.wait_until(lambda: _all_received(hanging.texts(), names), "received", timeout=40 + 5 * TIMEOUT)
    stack.wait_until_idle()

    assert min(Timing(TIMEOUT).sends, READ_TIMEOUT) < took < TIMEOUT
    assert max(hanging.durations()) < TIMEOUT
    assert "Task timed out" not in stack.log()
    assert stack.dead_letters() == []
    for notifier, texts in hanging.texts().items():
        unknown = hanging.unknown(notifier, names)
        marks = [(one, _is_marked(text, one, names)) for one in names for text in texts if one in text.split()]

        assert unknown
        # Once each, or again if an answer came too late while the channels were well.
        assert list(dict.fromkeys(one for one, marked in marks if marked)) == unknown
        # Slack had accepted them before, so there the mark is right.
        first = names if notifier == "slack" else [one for one in names if one not in unknown]
        assert [one for one, marked in marks if not marked] == first


def _is_marked(text: str, name: str, names: Sequence[str]) -> bool:
    """Return whether the text marks that job as a possible repeat; in a digest, in the job's own line."""
    alone = sum(one in text.split() for one in names) == 1
    lines = [text] if alone else text.splitlines()
    return any(name in line.split() and REPEAT in line for line in lines)


def _all_received(texts: Mapping[str, list[str]], names: Sequence[str]) -> bool:
    """Return whether every channel has each job; Slack had accepted them before, so there only the repeat counts."""
    return all(
        any(name in text.split() and (notifier != "slack" or REPEAT in text) for text in texts[notifier])
        for notifier in NOTIFIERS
        for name in names
    )
