"""AWS Batch for MiniStack, whose own is a stub without array jobs. Call `install()` in its process before it serves.

A child is a real process, its output goes to CloudWatch Logs, and every change of state is an EventBridge event. Images
are not run, secrets are not resolved, and queue priorities, vCPUs and job state time limits are not modelled.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
from dataclasses import dataclass
from typing import Any

from ministack.services import batch as stub

from . import compute_environments, job_definitions, job_operations, job_queues
from .control import control as control_batch
from .event_loop_queue import EventLoopQueue
from .job_runner import JobRunner
from .operation import Json, Operation, Response, as_handler
from .scheduler import Scheduler
from .state_changes import StateChangePublisher
from .tags import PATH as TAGS_PATH
from .tags import tags_operation

DUPLICATES = "BATCHBELL_DUPLICATE_EVENTS"
"""Environment variable: "1" delivers the event of every finished job twice, with one event id."""


@dataclass(frozen=True)
class _Installed:
    loop_queue: EventLoopQueue
    scheduler: Scheduler
    runner: JobRunner


_installed: _Installed | None = None


def install() -> None:
    """Replace the Batch of this process's MiniStack. Does nothing when called again."""
    global _installed
    if _installed is not None:
        return
    loop_queue = EventLoopQueue()
    scheduler = Scheduler(StateChangePublisher(loop_queue.put, twice=os.environ.get(DUPLICATES) == "1").publish)
    runner = JobRunner(scheduler, loop_queue)
    _installed = _Installed(loop_queue, scheduler, runner)
    operations: dict[str, Operation] = {
        **compute_environments.operations(scheduler.retry_placement),
        **job_queues.operations(scheduler),
        **job_definitions.operations(),
        **job_operations.operations(scheduler, runner),
    }
    stub._DISPATCH.update({path: as_handler(operation) for path, operation in operations.items()})
    _wrap_requests(_installed)
    _wrap_reset(_installed)
    atexit.register(stop)


def stop() -> None:
    """Kill the process of every job, and start no more. May be called repeatedly and from any thread."""
    if _installed is not None:
        _installed.runner.stop()


def control(action: str, given: Json) -> Json:
    """Do what `control.py` lists."""
    if _installed is None:
        raise RuntimeError("install() comes first")
    return control_batch(_installed.scheduler, action, given)


def _wrap_requests(installed: _Installed) -> None:
    handle = stub.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: Any, query: Any) -> Response:
        installed.loop_queue.attach(asyncio.get_running_loop())
        if not path.startswith(TAGS_PATH):
            response: Response = await handle(method, path, headers, body, query)
            return response
        operation = tags_operation(installed.scheduler, method, path, query)
        return as_handler(operation)(json.loads(body) if body else {})

    stub.handle_request = handle_request


def _wrap_reset(installed: _Installed) -> None:
    reset = stub.reset

    def reset_all() -> None:
        for job in installed.scheduler.clear():
            if job.command is not None:
                job.command.kill()
        installed.loop_queue.clear()
        reset()

    stub.reset = reset_all
