"""SQS's own task that moves the dead letters; it runs in AWS, whether or not anybody waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from batchbell.cli.deployed_stack import DeployedStack

LISTED = 10  # tasks, at most (SQS API reference, ListMessageMoveTasks)
POLL = 1.0  # s between two looks at a task


@dataclass(frozen=True)
class MoveTask:
    """`started`: SQS's timestamp, which tells tasks of one queue apart, since only one runs at a time. `handle`: while
    it runs. `to_move`: None until SQS has counted."""

    started: int
    state: str  # RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED
    moved: int
    to_move: int | None
    reason: str | None
    handle: str | None

    @property
    def is_active(self) -> bool:
        return self.state in ("RUNNING", "CANCELLING")

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> MoveTask:
        return cls(
            started=int(entry["StartedTimestamp"]),
            state=str(entry["Status"]),
            moved=int(entry.get("ApproximateNumberOfMessagesMoved", 0)),
            to_move=entry.get("ApproximateNumberOfMessagesToMove"),
            reason=entry.get("FailureReason"),
            handle=entry.get("TaskHandle"),
        )


def list_tasks(deployed: DeployedStack) -> list[MoveTask]:
    """The latest tasks of the dead-letter queue, the newest first."""
    answer = deployed.sqs.list_message_move_tasks(SourceArn=deployed.dead_letters.arn, MaxResults=LISTED)
    return [MoveTask.from_entry(entry) for entry in answer.get("Results", [])]


def start(deployed: DeployedStack) -> str | None:
    """Begin to move all dead letters to the retry queue, and give the task's handle; None if a task is active already,
    since a queue has one at a time.

    Always with a destination: what SendMessage put into the queue has no source that it could go back to.
    """
    source, destination = deployed.dead_letters.arn, deployed.retry.arn
    try:
        answer = deployed.sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    except ClientError:
        # Which code "there is already a task running" has is not documented.
        if not any(task.is_active for task in list_tasks(deployed)):
            raise
        return None
    return str(answer["TaskHandle"])


def follow(deployed: DeployedStack, before: Sequence[MoveTask]) -> Iterator[MoveTask]:
    """The active task, again and again until it has ended. `before`: the tasks as they were listed before it was
    started, since a list may lag behind a start."""
    ended = {task.started for task in before if not task.is_active}
    while True:
        task = next((one for one in list_tasks(deployed) if one.started not in ended), None)
        if task is not None:
            yield task
            if not task.is_active:
                return
        time.sleep(POLL)
