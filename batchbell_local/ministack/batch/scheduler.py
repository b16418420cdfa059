"""Moves jobs through their states, from submission over dependencies to the end, and publishes every change of state.

`job_runner.py` runs the runnable jobs. Queue priorities are not modelled: first come, first served.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable

from ministack.core.responses import get_account_id, get_region

from ..clocks import clock
from .jobs import ArrayParent, Attempt, Job, JobSpec, Status
from .operation import ClientException
from .retries import AttemptResult
from .summaries import summaries

DEPENDENCY_FAILED = "Dependent Job failed"  # these reasons were seen in real events
CHILD_FAILED = "Array Child Job failed"
QUEUE_DELETED = "Job queue deleted"
TERMINATED = 128 + 15  # the exit code of a container that SIGTERM ended


class Scheduler:
    """All jobs, by account, region and id. Any thread may call any method; `lock` guards every job."""

    def __init__(self, publish: Callable[[Job], None]) -> None:
        self.lock = threading.RLock()
        self.ready = threading.Condition(self.lock)
        """Notified when `runnable` grows, or at the end."""
        self.runnable: deque[Job] = deque()
        """What the job threads may take: runnable jobs, and arrays whose children are to be submitted."""
        self.unplaced: list[Job] = []
        self.held_queues: set[str] = set()
        """ARNs of the queues of which no job is started."""
        self._publish = publish
        self._jobs: dict[tuple[str, str, str], Job] = {}
        self._orders = itertools.count(1)

    def submit(self, spec: JobSpec, tags: dict[str, str]) -> Job:
        """Accept a new job. Raises ClientException if a job that it depends on is unknown or of the wrong kind."""
        with self.lock:
            kind = Job if spec.size is None else ArrayParent
            job = kind(spec, str(uuid.uuid4()), next(self._orders), clock.now_ms(), tags)
            doomed = self._register_dependencies(job)
            self._jobs[spec.account, spec.region, job.job_id] = job
            # No event: AWS Batch has none for the submission (User Guide, "Job state change events").
            if job.blockers:
                self._move(job, Status.PENDING)
            elif not isinstance(job, ArrayParent):
                if not doomed:
                    self.make_runnable(job)
            else:
                self._offer(job)
            for one in doomed:
                self._fail_dependent(one)
            return job

    def find(self, job_id: str) -> Job | None:
        """The job or child with this id in the caller's account and region."""
        parent_id, _, index = job_id.partition(":")
        job = self._jobs.get((get_account_id(), get_region(), parent_id))
        if not index:
            return job
        if isinstance(job, ArrayParent) and index.isdecimal() and int(index) < len(job.children):
            return job.children[int(index)]
        return None

    def jobs_in(self, queue_arn: str) -> list[Job]:
        """The jobs submitted to a queue, oldest first, without the children of arrays."""
        with self.lock:
            return [job for job in self._jobs.values() if job.spec.queue_arn == queue_arn]

    def cancel(self, job: Job, reason: str) -> None:
        """End a job that has not been placed yet; of an array, the children that have not."""
        with self.lock:
            waiting = [one for one in _leaf_jobs(job) if one.status.is_before_start]
            for one in {job, *waiting} if waiting else ():
                one.is_cancelled = True
            self._end(job, waiting, reason)

    def terminate(self, job: Job, reason: str) -> None:
        """End a job in any state; of an array, all children that have not ended."""
        with self.lock:
            unfinished = [one for one in _leaf_jobs(job) if not one.status.is_final]
            for one in {job, *unfinished} if unfinished else ():
                one.is_terminated = True
            self._end(job, unfinished, reason)

    def terminate_queue(self, queue_arn: str) -> None:
        """Terminate the jobs left in a queue that is being deleted, as AWS does."""
        for job in self.jobs_in(queue_arn):
            self.terminate(job, QUEUE_DELETED)

    def retry_placement(self) -> None:
        """Try again to place the jobs without a place, after compute environments have changed."""
        with self.lock:
            self.runnable.extend(self.unplaced)
            self.unplaced.clear()
            self.ready.notify_all()

    def release(self, parent: ArrayParent, children: Iterable[Job]) -> None:
        """Submit these children of an array whose own dependencies are met."""
        with self.lock:
            if parent.status is Status.SUBMITTED:
                self._move(parent, Status.PENDING)
            for child in children:
                if child.status is not Status.SUBMITTED:  # ended before it could be submitted
                    continue
                if child.blockers:
                    self._move(child, Status.PENDING)
                else:
                    self.make_runnable(child)

    def make_runnable(self, job: Job, reason: str | None = None) -> None:
        """Make the job RUNNABLE, for the first time or, with the `reason` of the last attempt, for another one."""
        with self.lock:
            job.placement = job.command = job.started_at = None
            self._move(job, Status.RUNNABLE, reason)
            self._offer(job)

    def advance(self, job: Job, status: Status) -> None:
        """Move the job to STARTING or RUNNING."""
        with self.lock:
            self._move(job, status)

    def finish(self, job: Job, status: Status, reason: str | None) -> None:
        """Move the job to SUCCEEDED or FAILED, and update its array and the jobs that depend on it."""
        with self.lock:
            # Not recursive: in a SEQUENTIAL array of 10,000 one failure fails all children after it.
            endings = deque([(job, status, reason)])
            while endings:
                job, status, reason = endings.popleft()
                if job.status.is_final:
                    continue
                job.stopped_at = job.attempts[-1].stopped_at if job.attempts else clock.now_ms()
                self._move(job, status, reason)
                if job.parent is not None and job.parent.is_complete:
                    endings.append((job.parent, *_final_status(job.parent)))
                for dependent in job.dependents:
                    if status is Status.SUCCEEDED:
                        self._unblock(dependent)
                    else:
                        endings.extend((one, Status.FAILED, DEPENDENCY_FAILED) for one in _doomed_jobs(dependent))

    def end_held(self, job: Job, exit_code: int, reason: str) -> None:
        """End a job that runs without a process: it is SUCCEEDED with exit code 0, and otherwise FAILED."""
        with self.lock:
            assert job.placement is not None
            result = AttemptResult(exit_code, None, reason)
            job.attempts.append(Attempt(job.placement, result, job.started_at, clock.now_ms()))
            self.finish(job, Status.FAILED if exit_code else Status.SUCCEEDED, reason)

    def contains(self, job: Job) -> bool:
        """Whether the job still exists after `clear`."""
        top = job.top
        return self._jobs.get((top.spec.account, top.spec.region, top.job_id)) is top

    def clear(self) -> list[Job]:
        """Drop every job, and return those that have a process."""
        with self.lock:
            running = [one for job in self._jobs.values() for one in _leaf_jobs(job) if one.command is not None]
            self._jobs.clear()
            self.runnable.clear()
            self.unplaced.clear()
            return running

    def _offer(self, job: Job) -> None:
        self.runnable.append(job)
        self.ready.notify()

    def _move(self, job: Job, status: Status, reason: str | None = None) -> None:
        if job.parent is not None:
            summaries.keep(job.parent)
            job.parent.counts[job.status] -= 1
            job.parent.counts[status] += 1
            job.parent.counted_at = clock.now_ms()
        job.status = status
        job.status_reason = reason
        self._publish(job)

    def _register_dependencies(self, job: Job) -> list[Job]:
        """Count what the job waits for; return the jobs that can never run, since a job they depend on has failed."""
        doomed: list[Job] = []
        edges: list[tuple[Job, Job]] = []
        children = job.children if isinstance(job, ArrayParent) else []
        for dependency in job.spec.depends_on:
            if dependency.job_id is None:
                edges.extend(itertools.pairwise(children))
                continue
            first = self.find(dependency.job_id)
            if first is None:
                raise ClientException(f"The job {dependency.job_id} that this job depends on does not exist")
            if dependency.kind != "N_TO_N":
                edges.append((first, job))
            elif isinstance(first, ArrayParent) and len(first.children) == len(children):
                edges.extend(zip(first.children, children, strict=True))
            else:
                raise ClientException(f"N_TO_N needs an array of the same size, which {dependency.job_id} is not")
        for first, then in edges:
            if first.status is Status.FAILED:
                doomed.append(then)
            elif first.status is not Status.SUCCEEDED:
                then.blockers += 1
                first.dependents.append(then)
        return doomed

    def _unblock(self, job: Job) -> None:
        job.blockers -= 1
        if job.blockers or job.status is not Status.PENDING:
            return
        if isinstance(job, ArrayParent):
            self._offer(job)
        else:
            self.make_runnable(job)

    def _fail_dependent(self, job: Job) -> None:
        for one in _doomed_jobs(job):
            self.finish(one, Status.FAILED, DEPENDENCY_FAILED)

    def _end(self, job: Job, jobs: list[Job], reason: str) -> None:
        if jobs:
            job.end_reason = reason
        for one in jobs:
            one.end_reason = reason
            if one.status.is_before_start:
                self.finish(one, Status.FAILED, reason)
            elif one.command is not None:
                one.command.end()
            elif one.is_held:
                self.end_held(one, TERMINATED, reason)


def _leaf_jobs(job: Job) -> list[Job]:
    """The jobs that run: the children of an array, or the job itself."""
    return list(job.children) if isinstance(job, ArrayParent) else [job]


def _doomed_jobs(job: Job) -> list[Job]:
    if isinstance(job, ArrayParent) and not job.status.is_final:
        job.end_reason = DEPENDENCY_FAILED
    return _leaf_jobs(job)


def _final_status(parent: ArrayParent) -> tuple[Status, str | None]:
    if parent.counts[Status.FAILED]:
        return Status.FAILED, parent.end_reason or CHILD_FAILED
    return Status.SUCCEEDED, None
