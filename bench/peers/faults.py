"""The faults that all programs go through: each with the number of jobs that finish at once, and what Slack does."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from batchbell_local.slack.sink import SlackResponse, SlackSink

UNLIMITED = 1_000.0  # messages a second
OUTAGE = 5.0  # s from the first request on
LOST_ANSWERS = 0.3  # of the answers
SLOW = 0.5  # s, an answer of a Slack that is down
JOBS = 6  # that finish at once: Apprise sends one every 1.2 s, so all fit into the patience
PATIENCE = 25.0  # s until what is missing counts as missing
PATIENCE_KILLED = 52.0  # s; batchbell's queue gives the records of a dead function out again after 42 s


@dataclass(frozen=True)
class Fault:
    """One of them.

    word: in the names of its jobs
    what: for people
    jobs: that finish at once
    begin: makes a Slack behave so from now on
    kills: whether what sends is killed while its first request waits for an answer
    patience: seconds until what is missing counts as missing
    """

    word: str
    what: str
    jobs: int
    begin: Callable[[SlackSink], None]
    kills: bool = False
    patience: float = PATIENCE

    def names(self) -> list[str]:
        return [f"peer-{self.word}-{number:03}" for number in range(self.jobs)]


def all_faults(jobs: int = JOBS) -> list[Fault]:
    """Return the faults, each with at most so many jobs."""
    return [
        Fault("well", "none", jobs, end),
        Fault("limit", "Slack accepts one message a second", jobs, lambda sink: sink.limit(1.0)),
        Fault("down", f"Slack answers 503 for {OUTAGE:g} s", jobs, _go_down),
        Fault("answers", f"{LOST_ANSWERS:.0%} of Slack's answers are cut off", jobs, _lose_answers),
        Fault("killed", "what sends is killed (SIGKILL) in an outage", jobs, _go_down_slowly, True, PATIENCE_KILLED),
    ]


def end(sink: SlackSink) -> None:
    """Let the Slack behave as usual."""
    sink.limit(UNLIMITED, burst=round(UNLIMITED))
    sink.answer_with(lambda body: None)


def _go_down(sink: SlackSink, delay: float = 0.0) -> None:
    begun: list[float] = []

    def answer(body: str) -> SlackResponse | None:
        begun.append(time.monotonic())
        return SlackResponse.of(503, delay=delay) if begun[-1] < begun[0] + OUTAGE else None

    sink.answer_with(answer)


def _lose_answers(sink: SlackSink) -> None:
    drawn = random.Random(1)
    sink.answer_with(lambda body: SlackResponse(cut="middle") if drawn.random() < LOST_ANSWERS else None)


def _go_down_slowly(sink: SlackSink) -> None:
    """So that a program waits for an answer when it is killed."""
    _go_down(sink, SLOW)
