"""Adds SQS's message move tasks to MiniStack, in its process.

A task moves the messages that were visible in a dead-letter queue at its start, in the background, to one queue or to
where each message came from. Sources: SQS API reference, "StartMessageMoveTask", "ListMessageMoveTasks",
"CancelMessageMoveTask"; SQS Developer Guide, "Learn how to configure a dead-letter queue redrive" and "Troubleshoot
Amazon SQS dead-letter queue and DLQ redrive issues". Codes and texts of errors were seen from AWS.
"""

from __future__ import annotations

import base64
import contextvars
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.services import sqs

from . import move_task_permissions
from .move_task_permissions import check_permissions

MAX_RATE = 500  # messages a second; also used where SQS would choose the rate
MAX_STEPS = 50  # a second; a fast task moves several messages in one step
MAX_LISTED = 10  # tasks
SOURCE_GONE = "The resource that you specified for the SourceArn parameter doesn't exist."
DESTINATION_GONE = "The resource that you specified for the DestinationArn parameter doesn't exist."
Json = dict[str, Any]


def install() -> None:
    """Make this process's MiniStack start, list and cancel move tasks."""
    move_task_permissions.install()
    tasks = _MoveTasks()
    sqs._HANDLERS |= {
        "StartMessageMoveTask": tasks.start,
        "ListMessageMoveTasks": tasks.list,
        "CancelMessageMoveTask": tasks.cancel,
    }


class _TaskFailed(Exception):
    """A task cannot continue; the text is its FailureReason."""


@dataclass
class _MoveTask:
    """One task. `destination`: an ARN, or empty to return each message to its source. `rate`: None if SQS chooses."""

    id: str
    source: str
    destination: str
    rate: int | None
    waiting: list[Json]
    to_move: int
    started: float = field(default_factory=time.time)
    moved: int = 0
    status: str = "RUNNING"
    failure: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def handle(self) -> str:
        return base64.b64encode(json.dumps({"taskId": self.id, "sourceArn": self.source}).encode()).decode()

    @property
    def is_active(self) -> bool:
        return self.status in ("RUNNING", "CANCELLING")

    def describe(self) -> Json:
        described = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source,
            "DestinationArn": self.destination or None,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure or None,
            "StartedTimestamp": int(self.started * 1_000),
        }
        return {name: value for name, value in described.items() if value is not None}

    def run(self) -> None:
        """Move messages at the task's rate until none is left."""
        rate = self.rate or MAX_RATE
        at_once = max(1, rate // MAX_STEPS)
        try:
            while not self.cancelled.is_set() and self.waiting:
                with sqs._queues_lock:
                    self._move(at_once)
                self.cancelled.wait(at_once / rate)
            self.status = "CANCELLED" if self.cancelled.is_set() else "COMPLETED"
        except _TaskFailed as failed:
            self.failure, self.status = str(failed), "FAILED"

    def _move(self, count: int) -> None:
        """Move the next `count` messages that are still in the queue and that nobody has received meanwhile."""
        queue = sqs._queue_by_arn(self.source)
        if queue is None:
            raise _TaskFailed(_failure("QueueDoesNotExist"))
        present, now = {id(message) for message in queue["messages"]}, time.time()
        gone: set[int] = set()
        try:
            while self.waiting and len(gone) < count:
                message = self.waiting.pop(0)
                if id(message) in present and message["visible_at"] <= now:
                    self._send(message)
                    gone.add(id(message))
                    self.moved += 1
        finally:
            queue["messages"] = [message for message in queue["messages"] if id(message) not in gone]

    def _send(self, message: Json) -> None:
        arn = self.destination or message["sys"].get("DeadLetterQueueSourceArn")
        if not arn:
            raise _TaskFailed("CouldNotDetermineMessageSource")
        queue = sqs._queue_by_arn(arn)
        if queue is None:
            raise _TaskFailed(_failure("QueueDoesNotExist"))
        request: Json = {"MessageBody": message["body"], "MessageAttributes": message.get("message_attributes")}
        if trace := message["sys"].get("AWSTraceHeader"):
            request["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        if queue["is_fifo"]:
            request |= {"MessageGroupId": message["group_id"], "MessageDeduplicationId": message["id"]}
        try:
            sqs._act_send_message(request, queue["url"])
        except sqs._Err as error:
            raise _TaskFailed(_failure(error.code)) from error


class _MoveTasks:
    """The tasks of each source queue, newest first; guarded by SQS's lock."""

    def __init__(self) -> None:
        self._by_source: dict[str, list[_MoveTask]] = {}

    def start(self, data: Json, url: str) -> Json:
        with sqs._queues_lock:
            source, destination = data.get("SourceArn", ""), data.get("DestinationArn") or ""
            queue = _queue(source, SOURCE_GONE)
            origins = [one for one in sqs._queues.values() if _dead_letter_queue_of(one) == source]
            check_permissions(queue, "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
            for target in [_queue(destination, DESTINATION_GONE)] if destination else origins:
                check_permissions(target, "SendMessage")
                if target["is_fifo"] != queue["is_fifo"]:
                    raise _invalid("The source queue and destination queue must be of the same queue type.")
            if not origins:
                raise _invalid("Source queue must be configured as a Dead Letter Queue.")
            rate = _number(data, "MaxNumberOfMessagesPerSecond", MAX_RATE)
            tasks = self._by_source.setdefault(source, [])
            if tasks and tasks[0].is_active:
                raise _invalid(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a "
                    "given time."
                )
            now = time.time()
            waiting = [message for message in queue["messages"] if message["visible_at"] <= now]
            task = _MoveTask(str(uuid.uuid4()), source, destination, rate, waiting, len(waiting))
            tasks.insert(0, task)
        _run_as_caller(task.run)
        return {"TaskHandle": task.handle}

    def list(self, data: Json, url: str) -> Json:
        with sqs._queues_lock:
            source = data.get("SourceArn", "")
            check_permissions(_queue(source, SOURCE_GONE), "GetQueueAttributes")
            count = _number(data, "MaxResults", MAX_LISTED) or 1
            return {"Results": [task.describe() for task in self._by_source.get(source, [])[:count]]}

    def cancel(self, data: Json, url: str) -> Json:
        with sqs._queues_lock:
            task_id, source = _read_handle(data.get("TaskHandle", ""))
            check_permissions(_queue(source, SOURCE_GONE), "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
            task = next((task for task in self._by_source.get(source, []) if task.id == task_id), None)
            if task is None:
                raise sqs._Err("ResourceNotFoundException", "Task does not exist.", 404)
            if task.status != "RUNNING":
                raise sqs._Err(
                    "UnsupportedOperation", f"The task is {task.status}: only a running task can be cancelled."
                )
            task.status = "CANCELLING"
            task.cancelled.set()
            return {"ApproximateNumberOfMessagesMoved": task.moved}


def _run_as_caller(run: Callable[[], None]) -> None:
    """Run it on a thread with the caller's account, region and permissions."""
    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="move-task").start()


def _queue(arn: str, gone: str) -> Json:
    queue: Json | None = sqs._queue_by_arn(arn)
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", gone, 404)
    return queue


def _dead_letter_queue_of(queue: Json) -> str | None:
    policy: Json = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    return policy.get("deadLetterTargetArn")


def _number(data: Json, name: str, most: int) -> int | None:
    value: int | None = data.get(name)
    if value is not None and not 1 <= value <= most:
        raise _invalid(f"Value {value} for parameter {name} is invalid. Reason: Must be between 1 and {most}.")
    return value


def _read_handle(handle: str) -> tuple[str, str]:
    """Parse a task handle into the task's id and the ARN of its source."""
    try:
        content = json.loads(base64.b64decode(handle, validate=True))
        return str(content["taskId"]), str(content["sourceArn"])
    except (ValueError, KeyError, TypeError):
        raise _invalid("Value for parameter TaskHandle is invalid.") from None


def _invalid(text: str) -> Exception:
    error: Exception = sqs._Err("InvalidParameterValue", text)
    return error


def _failure(code: str) -> str:
    """The FailureReason for an error: its code in SQS's older query protocol."""
    return str(sqs._QUERY_COMPAT_CODES.get(code, code))
