"""Moves the clock of functions: a process keeps the clock that it was started with.

The function sees it in `time.time` and `time.time_ns`; AWS's own times stay as they are.
"""

from __future__ import annotations

# Runs before any of the function's code.
SHIFT = """
def _shift(seconds):
    import time
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + int(seconds * 1e9)

_shift({seconds!r})
del _shift
"""


class Clock:
    """The clock of the processes that start from now on. `started`: how many have started since it was set."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.started = 0

    def shift(self, seconds: float) -> int:
        """Set how far ahead the clock is; behind, if negative. Returns how many started with the one before."""
        started, self.started, self.seconds = self.started, 0, seconds
        return started

    def prepare(self) -> str:
        """Return the code that shifts the clock of one process that starts now."""
        self.started += 1
        return SHIFT.format(seconds=self.seconds) if self.seconds else ""


clock = Clock()
