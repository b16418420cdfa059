"""What each of the compared programs can do."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from bench.peers.sink import Arrivals


class Program(Protocol):
    """A running program that sends a message for each finished job."""

    @property
    def name(self) -> str: ...

    @property
    def arrivals(self) -> Arrivals:
        """What reached its Slack."""

    def notify(self, names: Sequence[str]) -> None:
        """Hand over jobs that have finished just now."""

    def kill(self) -> None:
        """Send SIGKILL to what sends messages, and let it start again as it would by itself."""

    def start_cold(self, name: str) -> None:
        """End what sends messages, start it anew, and hand over a job."""

    def peak_memory(self) -> float:
        """Return the most memory that a process of it has had, of those that run, in MB (10^6 bytes)."""

    def settle(self, timeout: float) -> int:
        """Wait until it has nothing left to do, at most for `timeout` seconds; return how many jobs it still keeps."""


def peak_memory_of(pid: int) -> float:
    """Return the peak resident memory of a process in MB (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024 / 1e6


class OneProcess:
    """What the programs that are one process, and keep everything in its memory, have in common."""

    _process: subprocess.Popen[Any] | None = None

    def notify(self, names: Sequence[str]) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Start `_process`, and wait until it takes jobs."""
        raise NotImplementedError

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None

    def kill(self) -> None:
        self.stop()
        self.start()

    def start_cold(self, name: str) -> None:
        self.kill()
        self.notify([name])

    def settle(self, timeout: float) -> int:
        """It keeps nothing that would survive it: what has not arrived by then counts as lost."""
        return 0

    def peak_memory(self) -> float:
        return peak_memory_of(self._process.pid) if self._process else 0.0
