"""Ends a chaos run: lets the lifetime of every message pass within seconds, then redrives the dead letters.

1. What is due is done; the rest waits.
2. The clock jumps by half a lifetime: what still waits must be known to an alarm.
3. It jumps past every lifetime: nothing may wait any more.
4. The dead letters go back to the retry queue, while Slack works again: only jobs that it refuses may die again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.chaos.faults import TARPIT, WAIT_A_DAY
from demo.chaos.stack import Stack
from demo.print_color import ReportProgress, RunFailed

SOON = 10.0  # seconds; a ticket that is due later than this is not waited for
DRAIN_TIMEOUT = 240.0  # seconds until nothing is due any more
CLOSING_TIME = 15.0  # seconds that the last connections may take to close
# Slack's next answers after the last fault, while no process of the function ends, and after each jump of the clock.
LAST_ANSWERS = (TARPIT, WAIT_A_DAY, WAIT_A_DAY)
ANSWERS_AFTER_JUMP = (WAIT_A_DAY, WAIT_A_DAY)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """What was seen.

    waiting: the tickets half a lifetime later.
    alive: those after the whole lifetime.
    dead: the bodies of the dead letters before the redrive; `dead_again` those after it.
    connections, descriptors: open connections to Slack, and the most that a process of the function had open.
    """

    waiting: Sequence[Json]
    alive: Sequence[Json]
    dead: Sequence[Json]
    dead_again: Sequence[Json]
    connections: int
    descriptors: int


def end_run(
    stack: Stack,
    lifetime: float,
    spare: float,
    answer_next: Callable[[Sequence[str]], None],
    report: ReportProgress,
) -> Ending:
    """Let all messages outlive their lifetime, and return what became of them.

    lifetime: of a ticket, in seconds.
    spare: how far a clock that was wrong may have moved it.
    answer_next: chooses Slack's answers to the next requests.

    Raises RunFailed if a queue does not come to rest.
    """
    answer_next(LAST_ANSWERS)
    stack.sweep()
    _settle(stack, "waiting", report)
    connections = _open_connections(stack)
    descriptors = max(stack.cloud.count_descriptors(), default=0)
    answer_next(ANSWERS_AFTER_JUMP)
    _jump(stack, lifetime / 2, "half", report)
    waiting = stack.tickets()
    answer_next(ANSWERS_AFTER_JUMP)
    _jump(stack, lifetime + 2 * spare, "lifetime", report)
    answer_next(())
    alive = stack.tickets()
    dead = stack.take_dead_letters()
    stack.put("retry", [body["raw"] if "raw" in body else json.dumps(body) for body in dead])
    _settle(stack, "redrive", report)
    return Ending(waiting, alive, dead, stack.take_dead_letters(), connections, descriptors)


def _jump(stack: Stack, seconds: float, step: str, report: ReportProgress) -> None:
    """Let the function's clock be that much ahead, and every ticket be due, and wait for what follows."""
    stack.cloud.shift_clock(seconds)
    stack.cloud.restart_functions()
    stack.cloud.make_due(stack.queue_url("retry"))
    stack.sweep()
    _settle(stack, step, report)


def _settle(stack: Stack, step: str, report: ReportProgress) -> None:
    """Wait until the function has processed each record, and each ticket that is due soon."""
    deadline = time.monotonic() + DRAIN_TIMEOUT
    most = 0
    while left := _busy(stack):
        most = max(most, left)
        report(step, most - left, most)
        if time.monotonic() > deadline:
            raise RunFailed(f"{left} records and tickets are still due after {DRAIN_TIMEOUT:g} s ({step})")
        time.sleep(0.2)
    report(step, most, most)


def _busy(stack: Stack) -> int:
    """How many records and tickets are being processed, or will be soon."""
    retry = stack.queue_url("retry")
    later = [one for one in stack.cloud.waiting_messages(retry) if one["due"] > SOON]
    return sum(stack.cloud.message_count(stack.queue_url(name)) for name in ("intake", "retry")) - len(later)


def _open_connections(stack: Stack) -> int:
    """How many connections to Slack stay open."""
    deadline = time.monotonic() + CLOSING_TIME
    while (count := stack.sink.open_connections()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return count
