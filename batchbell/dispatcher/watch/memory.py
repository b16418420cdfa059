"""What the sweeps saw of running arrays: a row each in the ledger's table, written only when it changes.

Two sweeps at once, or one that comes late, cannot move a row back: each write asks that the row be older.
"""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.delivery.ledger import ROW_LIFETIME
from batchbell.dispatcher.delivery.threads import run
from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline
from batchbell.dispatcher.watch.rows import Row, Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.wire import WATCH_NOTIFIER, WATCHED, Column

SIDE_BY_SIDE = 8  # writes; boto3's pool has ten connections


@dataclass(frozen=True)
class Seen:
    """Times are epoch seconds.

    seen: when a sweep first saw a child of it start.
    finished, started: children.
    moved: when a sweep first saw these numbers; None: no sweep saw the array before.
    """

    seen: float | None = None
    finished: int = 0
    started: int = 0
    moved: float | None = None

    def then(self, array: RunningArray, now: float) -> Seen:
        """What is known once the array was looked at.

        Missed sweeps do not count as standing still: other numbers than before count from now on, or from when AWS
        counted them.
        """
        progress = array.progress
        seen = now if self.seen is None and progress.started else self.seen
        if self.moved is None:
            return Seen(seen, progress.finished, progress.started, now)
        # Finished children stay finished: fewer than before are older than what was seen.
        changed = (progress.finished, progress.started) != (self.finished, self.started)
        if not changed or progress.finished < self.finished:
            return replace(self, seen=seen)
        counted = array.updated_at
        moved = counted if counted is not None and self.moved < counted <= now else max(now, self.moved)
        return Seen(seen, progress.finished, progress.started, moved)


@dataclass(frozen=True)
class Memory:
    """`rows`: of the ledger's table."""

    rows: Rows

    def read(self, arns: Sequence[str], deadline: Deadline) -> Mapping[str, Seen]:
        """By the jobs' ARNs. An array whose row could not be read is missing."""
        found = self.rows.read([(_key(arn), WATCH_NOTIFIER) for arn in arns], deadline)
        return {key.removesuffix(WATCHED): _seen(row) for (key, _), row in found.items()}

    def write(self, changed: Mapping[str, Seen], now: float, deadline: Deadline) -> None:
        """Write the rows, several at a time. What does not fit into the time is written by the next sweep."""
        waiting: queue.SimpleQueue[tuple[str, Seen]] = queue.SimpleQueue()
        for item in changed.items():
            waiting.put(item)
        run([partial(self._work, waiting, now, deadline)] * min(SIDE_BY_SIDE, len(changed)), deadline)

    def _work(self, waiting: queue.SimpleQueue[tuple[str, Seen]], now: float, deadline: Deadline) -> None:
        while not deadline.passed:
            try:
                arn, seen = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._write(arn, seen, now)
            except (ClientError, BotoCoreError) as error:
                code = error_code(error)
                if code != "ConditionalCheckFailedException":  # otherwise another sweep wrote something newer
                    logger.warning("what was seen of a job could not be written", job_arn=arn, reason=code)

    def _write(self, arn: str, seen: Seen, now: float) -> None:
        names: dict[str, str] = {
            "#finished": Column.FINISHED,
            "#started": Column.STARTED,
            "#moved": Column.MOVED,
            "#expires": Column.EXPIRES,
        }
        values: dict[str, Any] = {
            ":finished": {"N": str(seen.finished)},
            ":started": {"N": str(seen.started)},
            ":moved": _n(seen.moved or now),
            ":expires": _n(now + ROW_LIFETIME),
        }
        update = "SET #finished = :finished, #started = :started, #moved = :moved, #expires = :expires"
        if seen.seen is not None:
            update += ", #seen = if_not_exists(#seen, :seen)"
            names["#seen"], values[":seen"] = Column.SEEN, _n(seen.seen)
        self.rows.dynamodb.update_item(
            TableName=self.rows.table,
            Key={Column.MESSAGE: {"S": _key(arn)}, Column.NOTIFIER: {"S": WATCH_NOTIFIER}},
            UpdateExpression=update,
            ConditionExpression="attribute_not_exists(#moved) OR (#moved <= :moved AND #finished <= :finished)",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )


def _key(arn: str) -> str:
    return f"{arn}{WATCHED}"


def _seen(row: Row) -> Seen:
    def number(column: Column) -> float | None:
        return float(row[column]["N"]) if column in row else None

    return Seen(
        number(Column.SEEN),
        int(number(Column.FINISHED) or 0),
        int(number(Column.STARTED) or 0),
        number(Column.MOVED),
    )


def _n(moment: float) -> dict[str, str]:
    return {"N": f"{moment:.3f}"}
