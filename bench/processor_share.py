"""Limits a process to a share of one processor, with Linux control groups (version 1 or 2).

Lambda gives a function 1/1769 of a processor per MB (Lambda Developer Guide, "Configure Lambda function memory").
"""

from __future__ import annotations

import contextlib
import os
import time
from itertools import count
from pathlib import Path

MB_OF_A_PROCESSOR = 1769
PERIOD = 20_000  # µs; short, so that a small share is spread over many small slices
ROOT = Path("/sys/fs/cgroup")
LEAVING = 5.0  # s until a group is empty whose processes have ended
_numbers = count()


class ShareUnavailable(Exception):
    """The machine cannot limit a process; the text says why."""


class ProcessorShare:
    """A control group; a context manager. `share` is 0 to 1 of one processor."""

    def __init__(self, share: float) -> None:
        self._quota = max(1_000, round(PERIOD * share))  # µs; 1,000 is the kernel's minimum
        self._is_version_2 = (ROOT / "cgroup.controllers").exists()
        self._all = ROOT if self._is_version_2 else ROOT / "cpu"
        self._group = self._all / f"batchbell-bench-{os.getpid()}-{next(_numbers)}"

    def __enter__(self) -> ProcessorShare:
        try:
            self._group.mkdir()
            if self._is_version_2:
                (self._group / "cpu.max").write_text(f"{self._quota} {PERIOD}", "ascii")
            else:
                (self._group / "cpu.cfs_period_us").write_text(str(PERIOD), "ascii")
                (self._group / "cpu.cfs_quota_us").write_text(str(self._quota), "ascii")
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                self._group.rmdir()
            raise ShareUnavailable(f"cannot create a control group ({error.strerror}): this needs root") from None
        return self

    def __exit__(self, *_: object) -> None:
        """Give a process that still runs all processors again. Raises OSError if the group cannot be removed."""
        members = (self._group / "cgroup.procs").read_text("ascii").split()
        for pid in members:
            with contextlib.suppress(ProcessLookupError):  # it ends
                (self._all / "cgroup.procs").write_text(pid, "ascii")
        limit = time.monotonic() + LEAVING
        while True:
            try:
                return self._group.rmdir()
            except OSError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.01)

    def add(self, pid: int) -> None:
        """Limit a process with all its threads."""
        (self._group / "cgroup.procs").write_text(str(pid), "ascii")
