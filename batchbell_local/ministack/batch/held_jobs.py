"""Holds the jobs of a queue, and moves an array's children without a process each, so that thousands cost little.

No thread takes a job of a held queue: it stays RUNNABLE, as where no instance comes. A child that was moved to RUNNING
runs nothing and ends when it is moved on, or terminated.
"""

from __future__ import annotations

import itertools

from ministack.core.responses import get_account_id, get_region

from ..clocks import clock
from .job_queues import environments_of
from .jobs import ArrayParent, Job, Status
from .placement import make_placement
from .scheduler import Scheduler

CONTAINER_EXITED = "Essential container in task exited"  # seen in real events
WAYS = {  # to each state, the states before it
    Status.RUNNING: (Status.RUNNABLE,),
    Status.SUCCEEDED: (Status.RUNNABLE, Status.RUNNING),
    Status.FAILED: (Status.RUNNABLE, Status.RUNNING),
}


class HeldJobs:
    """Holds and moves the jobs of a scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def hold(self, queue_arn: str) -> None:
        """Start none of the queue's jobs from now on."""
        self._scheduler.held_queues.add(queue_arn)

    def release(self, queue_arn: str) -> None:
        """Start the queue's jobs again: those that wait, at once."""
        self._scheduler.held_queues.discard(queue_arn)
        self._scheduler.retry_placement()

    def move(self, job_id: str, status: str, number: int | None, exit_code: int) -> int:
        """Move children of an array in a held queue on to RUNNING, SUCCEEDED or FAILED; return how many.

        number: how many at most, by index; None for all that can.
        exit_code: of those that fail; none of them is tried again.

        Raises LookupError if no array in a held queue has this id.
        """
        wanted = Status(status)
        with self._scheduler.lock:
            parent = self._scheduler.find(job_id)
            if not isinstance(parent, ArrayParent) or parent.spec.queue_arn not in self._scheduler.held_queues:
                raise LookupError(f"{job_id} is no array in a held queue of {get_account_id()} in {get_region()}")
            if parent.status is Status.SUBMITTED:
                self._scheduler.release(parent, parent.children)
            ready = (child for child in parent.children if child.command is None and child.status in WAYS[wanted])
            chosen = list(itertools.islice(ready, number))
            for child in chosen:
                self._move(child, wanted, exit_code)
        return len(chosen)

    def _move(self, child: Job, wanted: Status, exit_code: int) -> None:
        if child.status is Status.RUNNABLE:
            child.placement = make_placement(child.spec, environments_of(child.spec.queue_arn)[0])
            child.is_held = True
            self._scheduler.advance(child, Status.STARTING)
            child.started_at = clock.now_ms()
            self._scheduler.advance(child, Status.RUNNING)
        if wanted is not Status.RUNNING:
            self._scheduler.end_held(child, 0 if wanted is Status.SUCCEEDED else exit_code, CONTAINER_EXITED)
