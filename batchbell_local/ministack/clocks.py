"""Two clocks: the one of everybody here, which a test moves forward, and that of functions' processes besides it.

`move` is time that passes: for functions, also those that run, for AWS Batch's jobs and EventBridge's schedules. What
waits in SQS, DynamoDB's lifetimes, logs and alarms keep the machine's time. `shift` makes the clocks of functions'
processes differ, as those of real machines do: a process keeps the shift that it was started with.

A function sees both in `time.time` and `time.time_ns`.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

MOVED = struct.Struct("d")  # the content of the file that functions' processes read: seconds

# Runs before any of the function's code.
SHIFT = """
def _shift(seconds, file):
    import mmap, struct, time
    now, now_ns = time.time, time.time_ns
    with open(file, "rb") as opened:
        moved = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    read = struct.Struct("d").unpack
    time.time = lambda: now() + seconds + read(moved)[0]
    time.time_ns = lambda: now_ns() + int((seconds + read(moved)[0]) * 1e9)

_shift({seconds!r}, {file!r})
del _shift
"""


class Clock:
    """`started`: how many processes have started since their clock was last shifted."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.started = 0
        self.moved = 0.0
        self._file: Path | None = None

    def now(self) -> float:
        """Return the time here: seconds since 1970, and what was moved."""
        return time.time() + self.moved

    def now_ms(self) -> int:
        return int(self.now() * 1000)

    def move(self, seconds: float) -> None:
        """Let so much time pass. It never runs back."""
        if seconds < 0:
            raise ValueError("time passes forward only")
        self.moved += seconds
        if self._file is not None:
            with self._file.open("r+b") as file:  # in place: running processes have it mapped
                file.write(MOVED.pack(self.moved))

    def keep_in(self, file: Path) -> None:
        """Keep in a file how far time was moved, for the processes of functions."""
        file.write_bytes(MOVED.pack(self.moved))
        self._file = file

    def shift(self, seconds: float) -> int:
        """Set how far ahead the clock is; behind, if negative. Returns how many started with the one before."""
        started, self.started, self.seconds = self.started, 0, seconds
        return started

    def prepare(self) -> str:
        """Return the code that sets the clock of one process that starts now."""
        self.started += 1
        return SHIFT.format(seconds=self.seconds, file=str(self._file))


clock = Clock()
