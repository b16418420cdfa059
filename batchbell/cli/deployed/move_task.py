"""SQS's message move task, which moves the dead letters. It runs in AWS, even if nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from batchbell.cli.deployed.stack import DeployedStack
from batchbell.cli.errors import CommandFailed

LISTED = 10  # tasks at most (SQS API reference, ListMessageMoveTasks)
POLL = 1.0  # s between two polls
# How a Region without these tasks answers, whichever protocol it speaks.
UNKNOWN_OPERATION = ("UnsupportedOperation", "InvalidAction", "UnknownOperationException")


@dataclass(frozen=True)
class MoveTask:
    """A message move task of the dead-letter queue."""

    started: int  # SQS's timestamp; unique, since a queue runs one task at a time
    state: str  # RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED
    moved: int
    to_move: int | None  # None until SQS has counted them
    reason: str | None
    handle: str | None  # only while it runs

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
    """Return the latest tasks of the dead-letter queue, the newest first.

    Raises CommandFailed if SQS has no such tasks in the Region.
    """
    try:
        response = deployed.sqs.list_message_move_tasks(SourceArn=deployed.dead_letters.arn, MaxResults=LISTED)
    except ClientError as refused:
        if not str(refused.response.get("Error", {}).get("Code", "")).endswith(UNKNOWN_OPERATION):
            raise
        raise CommandFailed(
            f"SQS does not move dead letters in {deployed.region}: send each one's body to the retry queue and delete "
            "it, as docs/operations.md shows under redrive"
        ) from None
    return [MoveTask.from_entry(entry) for entry in response.get("Results", [])]


def start(deployed: DeployedStack) -> str | None:
    """Start to move all dead letters to the retry queue.

    Returns the task's handle, or None if a task is already active, since a queue runs one at a time.
    """
    # The destination is required: messages that SendMessage put into the queue have no source queue to return to.
    source, destination = deployed.dead_letters.arn, deployed.retry.arn
    try:
        response = deployed.sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    except ClientError:
        # The error code for "there is already a task running" is not documented.
        if not any(task.is_active for task in list_tasks(deployed)):
            raise
        return None
    return str(response["TaskHandle"])


def follow(deployed: DeployedStack, before: Sequence[MoveTask]) -> Iterator[MoveTask]:
    """Yield the active task again and again, until it has ended.

    before: the tasks that were listed before it was started, since a list may lag behind a start.
    """
    ended = {task.started for task in before if not task.is_active}
    while True:
        task = next((one for one in list_tasks(deployed) if one.started not in ended), None)
        if task is not None:
            yield task
            if not task.is_active:
                return
        time.sleep(POLL)
