"""Waits for conditions, with limits that follow the machine: they pass more slowly where it is slow or busy.

A limit is chosen for an idle machine of today. On another one, or while other programs use the processors, a second of
it lasts longer. So a test fails if something does not happen, and not if it takes its turn.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

WORK = 200_000  # rounds of a loop
INHERITED = "BATCHBELL_TESTS_FACTOR"
IDLE = 0.013  # s that the loop takes on an idle machine; a faster machine counts as that one


def slowness() -> float:
    """How many times longer things take now than on an idle machine of today: at least 1."""
    return _speed() * _load()


@cache
def _speed() -> float:
    """Of the machine itself: the best of a few tries, so that what else runs does not count."""
    best = min(_seconds(lambda: sum(number * number for number in range(WORK))) for _ in range(5))
    return max(1.0, best / IDLE)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _load() -> float:
    """Threads that want to run, for each processor."""
    return max(1.0, _running() / (os.cpu_count() or 1))


def _running(pause: float = 0.0) -> float:
    """Threads that want to run, after a pause."""
    time.sleep(pause)
    try:
        return float(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except OSError:  # not Linux: the average of a minute has to do
        return os.getloadavg()[0]


def patience(seconds: float) -> float:
    """Return a limit for what takes only a plain number: so many seconds of an idle machine, and room for more load."""
    return seconds * max(4.0, 2 * slowness())


def _factor() -> int:
    """1, 2 or 4, by the machine's speed and by what else runs."""
    others = statistics.median(_running(pause=0.02) for _ in range(9)) - 1
    slower = _speed() * (1 + max(0.0, others) / (os.cpu_count() or 1))
    if slower < 1.5:  # the noise of an idle machine
        return 1
    return 2 if slower < 3 else 4


class Limit:
    """So many seconds of an idle machine. It passes only while somebody asks."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self._asked = time.monotonic()

    @property
    def passed(self) -> bool:
        now = time.monotonic()
        self.left -= (now - self._asked) / slowness()
        self._asked = now
        return self.left <= 0


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail the test if the block takes longer than so many seconds of an idle machine."""
    limit = Limit(seconds)
    yield
    if limit.passed:
        pytest.fail(f"took longer than {seconds:g} s of an idle machine")


def wait_until(
    reached: Callable[[], object],
    what: str,
    timeout: float = 10.0,
    progress: Callable[[], object] = lambda: None,
) -> None:
    """Return once `reached` gives something true.

    Fail the test, naming `what`, if that takes longer than `timeout` (seconds of an idle machine) since `progress`
    last changed.
    """
    limit, last, started = Limit(timeout), progress(), time.monotonic()
    while not reached():
        if (now := progress()) != last:
            limit, last = Limit(timeout), now
        elif limit.passed:
            pytest.fail(f"not {what} within {timeout:g} s of an idle machine")
        time.sleep(_pause(time.monotonic() - started))


def wait_until_none(left: Callable[[], int], what: str, timeout: float = 10.0) -> None:
    """Return once `left` gives 0; while it changes there is progress. Calls it once for each look."""
    last: list[int] = []

    def reached() -> bool:
        last[:] = [left()]
        return last == [0]

    wait_until(reached, what, timeout, progress=lambda: tuple(last))


def _pause(waited: float) -> float:
    """The time between two looks: short at first, and longer in a long wait, since each look takes processor time."""
    return min(0.25, max(0.02, waited / 20))


# By how much the time-out of a function under test is longer than on an idle machine, and with it all of its timing:
# measured once for a run, before its workers begin, which inherit it.
FACTOR = int(os.environ.get(INHERITED) or _factor())
os.environ[INHERITED] = str(FACTOR)
