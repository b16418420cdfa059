"""A share of one processor for a process, by Linux's control groups (version 1 or 2).

Lambda gives a function 1/1769 of a processor for each MB (Lambda Developer Guide, "Configure Lambda function memory").
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType

MB_OF_A_PROCESSOR = 1769
PERIOD = 20_000  # µs; short, so that a small share comes in many small parts
ROOT = Path("/sys/fs/cgroup")


class NoShare(Exception):
    """This machine does not let us limit a process; the text says why."""


class ProcessorShare:
    """A context manager. `share`: 0 to 1 of one processor."""

    def __init__(self, share: float) -> None:
        self._quota = max(1_000, round(PERIOD * share))  # µs; the least that the kernel takes
        self._is_second = (ROOT / "cgroup.controllers").exists()
        self._group = (ROOT if self._is_second else ROOT / "cpu") / f"batchbell-bench-{os.getpid()}"

    def __enter__(self) -> ProcessorShare:
        try:
            self._group.mkdir()
            if self._is_second:
                (self._group / "cpu.max").write_text(f"{self._quota} {PERIOD}")
            else:
                (self._group / "cpu.cfs_period_us").write_text(str(PERIOD))
                (self._group / "cpu.cfs_quota_us").write_text(str(self._quota))
        except OSError as error:
            self._remove()
            raise NoShare(f"no control group can be made here ({error.strerror}): root is needed") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def hold(self, process: int) -> None:
        """The process with all its threads."""
        (self._group / "cgroup.procs").write_text(str(process))

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._group.rmdir()
