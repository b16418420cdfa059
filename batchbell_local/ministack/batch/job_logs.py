"""Writes a job's output to MiniStack's CloudWatch Logs, to the group and stream that Batch uses."""

from __future__ import annotations

import time
from collections.abc import Callable

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs

from .jobs import JobSpec, Placement
from .operation import Json, call_stub
from .process import CannotStart

DEFAULT_GROUP = "/aws/batch/job"
DEFAULT_DRIVER = "awslogs"


def stream_name(spec: JobSpec, task_id: str) -> str | None:
    """PREFIX/default/TASK, where the prefix is the definition's name unless the log options name one.

    None if the job uses another log driver.
    """
    configuration = spec.container.get("logConfiguration") or {}
    if configuration.get("logDriver", DEFAULT_DRIVER) != DEFAULT_DRIVER:
        return None
    prefix = _options(spec).get("awslogs-stream-prefix", spec.definition_name)
    return f"{prefix}/default/{task_id}"


class JobLogStream:
    """The log stream of one attempt; created when the container starts, as by Docker's log driver."""

    def __init__(self, spec: JobSpec, placement: Placement, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Raises CannotStart if the definition names a log group that does not exist; the driver does not create it."""
        options = _options(spec)
        self._stream = placement.log_stream
        self._group = options.get("awslogs-group", DEFAULT_GROUP)
        self._scope = (spec.account, options.get("awslogs-region", spec.region))
        self._deliver = deliver
        self._creates_group = self._group == DEFAULT_GROUP or options.get("awslogs-create-group") == "true"
        if self._stream is None:
            return
        with request_scope(*self._scope):
            if not self._creates_group and self._group not in cloudwatch_logs._log_groups:
                raise CannotStart(
                    "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed"
                    " to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not"
                    " exist."
                )
        self.write([])

    def write(self, lines: list[str]) -> None:
        """Add these lines to the stream, soon and in order, without empty ones, which CloudWatch Logs refuses."""
        if self._stream is None:
            return
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines if line]
        self._deliver(lambda: self._put(events))

    def _put(self, events: list[Json]) -> None:
        place = {"logGroupName": self._group}
        with request_scope(*self._scope):
            if self._group not in cloudwatch_logs._log_groups:
                if not self._creates_group:  # deleted meanwhile: the lines are dropped
                    return
                call_stub(cloudwatch_logs._create_log_group, place)
            place["logStreamName"] = self._stream or ""
            if self._stream not in cloudwatch_logs._log_groups[self._group]["streams"]:
                call_stub(cloudwatch_logs._create_log_stream, place)
            if events:
                call_stub(cloudwatch_logs._put_log_events, {**place, "logEvents": events})


def _options(spec: JobSpec) -> dict[str, str]:
    return (spec.container.get("logConfiguration") or {}).get("options") or {}
