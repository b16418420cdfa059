"""JobControl: what a test does to the jobs and queues of a local AWS Batch, beyond AWS's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Send = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class JobControl:
    """Holds queues, moves children without processes, and decides what AWS shows of arrays and queues."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def hold(self, queue_arn: str) -> None:
        """Start none of the queue's jobs from now on: they stay RUNNABLE until `move` or `release`."""
        self._send("hold", {"queue": queue_arn})

    def release(self, queue_arn: str) -> None:
        """Start the queue's jobs again, those that wait at once."""
        self._send("release", {"queue": queue_arn})

    def move(self, job_id: str, status: str, number: int | None = None, *, exit_code: int = 1) -> int:
        """Move children of an array in a held queue on to RUNNING, SUCCEEDED or FAILED; return how many.

        number: how many at most, by index; None for all that can.
        exit_code: of those that fail; none of them is tried again.
        """
        given = {"job": job_id, "status": status, "number": number, "exit_code": exit_code}
        return int(self._send("move", given)["moved"])

    def show_summaries(self, *, lag: float = 0.0, in_lists: bool = True) -> None:
        """Set how many seconds old the counts are that AWS shows of a running array, and whether lists have them."""
        self._send("summaries", {"lag": lag, "in_lists": in_lists})

    def set_status(self, arn: str, status: str, reason: str) -> None:
        """Set the status of a job queue or a compute environment: VALID, INVALID or UPDATING, and the reason."""
        self._send("status", {"arn": arn, "status": status, "reason": reason})
