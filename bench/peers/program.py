"""What each of the compared programs can do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

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
