"""Runs runnable jobs on a few threads, one process per thread at a time."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from ministack.core.responses import request_scope

from ..clocks import clock
from .event_loop_queue import EventLoopQueue
from .job_logs import JobLogStream
from .job_queues import find_enabled_environment
from .jobs import ArrayParent, Attempt, Job, Placement, Status
from .placement import make_placement
from .process import CannotStart, RunningCommand
from .retries import AttemptResult
from .scheduler import Scheduler

logger = logging.getLogger("batch")

THREADS = 4  # and so processes at a time, whatever the array's size and the environment's vCPUs
RELEASED_AT_ONCE = 100  # children
STOP_TIMEOUT = 2.0  # seconds that `stop` waits for all threads together

CONTAINER_EXITED = "Essential container in task exited"  # these reasons were seen in real events
TIMED_OUT = "Job attempt duration exceeded timeout"
NOT_STARTED = "Task failed to start"


class JobRunner:
    """The threads, which start with the first job. Each attempt has a folder of its own, which `stop` removes."""

    def __init__(self, scheduler: Scheduler, loop_queue: EventLoopQueue) -> None:
        self._scheduler = scheduler
        self._loop_queue = loop_queue
        self._threads: list[threading.Thread] = []
        self._commands: set[RunningCommand] = set()
        self._folder: Path | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the threads unless they are running or have been stopped."""
        with self._scheduler.lock:
            if self._threads or self._stopping:
                return
            self._folder = Path(tempfile.mkdtemp(prefix="batch-jobs-"))
            for number in range(THREADS):
                thread = threading.Thread(target=self._work, daemon=True, name=f"batch-jobs-{number}")
                self._threads.append(thread)
                thread.start()

    def stop(self) -> None:
        """Kill every process, end the threads, remove the folders. Jobs keep their states."""
        with self._scheduler.lock:
            self._stopping = True
            self._scheduler.ready.notify_all()
            for command in self._commands:
                command.kill()
        self._loop_queue.clear()
        deadline = time.monotonic() + STOP_TIMEOUT
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self) -> None:
        scheduler = self._scheduler
        while True:
            with scheduler.lock:
                scheduler.ready.wait_for(lambda: scheduler.runnable or self._stopping)
                if self._stopping:
                    return
                job = scheduler.runnable.popleft()
            try:
                if isinstance(job, ArrayParent):
                    self._release(job)
                else:
                    self._loop_queue.wait_for_room()
                    self._run(job)
            except Exception:
                logger.exception("job %s failed to run", job.job_id)
                scheduler.finish(job, Status.FAILED, "The local scheduler failed: see its log")

    def _release(self, parent: ArrayParent) -> None:
        for start in range(0, len(parent.children), RELEASED_AT_ONCE):
            self._loop_queue.wait_for_room()
            self._scheduler.release(parent, parent.children[start : start + RELEASED_AT_ONCE])

    def _run(self, job: Job) -> None:
        """Run one attempt: STARTING, RUNNING, then RUNNABLE for another attempt, or the end."""
        scheduler = self._scheduler
        with scheduler.lock:
            if job.status is not Status.RUNNABLE:
                return
            with request_scope(job.spec.account, job.spec.region):
                environment = find_enabled_environment(job.spec.queue_arn)
            if environment is None or job.spec.queue_arn in scheduler.held_queues:
                scheduler.unplaced.append(job)
                return
            placement = job.placement = make_placement(job.spec, environment)
            scheduler.advance(job, Status.STARTING)
        result = self._attempt(job, placement)
        with scheduler.lock:
            job.command = None
            if self._stopping or not scheduler.contains(job):
                return
            if job.end_reason is not None:
                result = AttemptResult(result.exit_code, result.reason, job.end_reason)
            job.attempts.append(Attempt(placement, result, job.started_at, clock.now_ms()))
            if result.exit_code == 0 and result.status_reason == CONTAINER_EXITED:
                scheduler.finish(job, Status.SUCCEEDED, result.status_reason)
            elif _may_retry(job, result):
                scheduler.make_runnable(job, result.status_reason)
            else:
                scheduler.finish(job, Status.FAILED, result.status_reason)

    def _attempt(self, job: Job, placement: Placement) -> AttemptResult:
        """Run the command to its end. A job without one would run its image's entry point; here it succeeds at once."""
        spec, scheduler = job.spec, self._scheduler
        assert self._folder is not None
        command: RunningCommand | None = None
        try:
            log = JobLogStream(spec, placement, self._loop_queue.put)
            if spec.command:
                folder = self._folder / placement.task_id
                command = RunningCommand(spec.command, _environment(job, placement), folder, log.write)
        except CannotStart as failure:
            return AttemptResult(None, str(failure), NOT_STARTED)
        with scheduler.lock:
            job.command, job.started_at = command, clock.now_ms()
            scheduler.advance(job, Status.RUNNING)
            if command is None:
                return AttemptResult(0, None, CONTAINER_EXITED)
            self._commands.add(command)
            if self._stopping or not scheduler.contains(job):
                command.kill()
            elif job.end_reason is not None:
                command.end()
        try:
            exit_code, timed_out = _wait(command, spec.timeout_seconds)
        finally:
            with scheduler.lock:
                self._commands.discard(command)
        return AttemptResult(exit_code, None, TIMED_OUT if timed_out else CONTAINER_EXITED)


def _wait(command: RunningCommand, timeout: int | None) -> tuple[int, bool]:
    """Wait for the end, at most `timeout` seconds; return the exit code and whether it timed out."""
    if timeout is None:
        return command.wait(), False
    timed_out = threading.Event()

    def end() -> None:
        timed_out.set()
        command.end()

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    exit_code = command.wait()
    timer.cancel()
    return exit_code, timed_out.is_set()


def _may_retry(job: Job, result: AttemptResult) -> bool:
    # Neither a terminated nor a timed-out job is retried (API reference, TerminateJob; User Guide, "Job timeouts").
    if job.spec.retry is None or job.end_reason is not None or result.status_reason == TIMED_OUT:
        return False
    return job.spec.retry.allows_retry(len(job.attempts), result)


def _environment(job: Job, placement: Placement) -> dict[str, str]:
    """The process's whole environment: PATH, the definition's variables, and Batch's, which override them.

    Source: AWS Batch User Guide, "Job environment variables".
    """
    variables = {"PATH": os.environ.get("PATH", os.defpath), **job.spec.environment}
    variables |= {
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
        "AWS_BATCH_JQ_NAME": job.spec.queue_arn.rsplit("/", 1)[-1],
        "AWS_BATCH_CE_NAME": placement.environment_name,
    }
    if job.index is not None:
        variables |= {"AWS_BATCH_JOB_ARRAY_INDEX": str(job.index), "AWS_BATCH_JOB_ARRAY_SIZE": str(job.spec.size)}
    return variables
