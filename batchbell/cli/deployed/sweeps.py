"""Up to when the function's sweeps have checked each job queue for finished jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from batchbell.cli.deployed.stack import DeployedStack
from batchbell.cli.timestamps import iso
from batchbell.wire import SWEEP_KEY, Column

# A sweep checks what ended up to 70 minutes ago again, and sweeps are 15 minutes apart at most.
LATE = 7_200  # s: several sweeps in a row have not seen all of a queue


@dataclass(frozen=True)
class SweptQueue:
    """A job queue that sweeps look at.

    queue: its ARN
    checked: every job that ended before it has its message; epoch seconds, None if no sweep has seen the queue
    """

    queue: str
    checked: float | None

    @property
    def name(self) -> str:
        return self.queue.rpartition("/")[2]

    def is_late(self, now: float) -> bool:
        return self.checked is not None and now - self.checked > LATE

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"checked": iso(self.checked)}


def find_sweeps(deployed: DeployedStack) -> Sequence[SweptQueue] | None:
    """Return the queues that sweeps look at; None in a stack without sweeps.

    Where every queue is watched, for some job definitions, these are the ones that a sweep has seen.

    Raises CommandFailed and botocore's errors.
    """
    watch = deployed.manifest.get("watch")
    if watch is None:
        return None
    swept = dict(_rows(deployed))
    return [SweptQueue(queue, swept.get(queue)) for queue in watch["queues"] or sorted(swept)]


def _rows(deployed: DeployedStack) -> Iterator[tuple[str, float]]:
    pages = deployed.dynamodb.get_paginator("query").paginate(
        TableName=deployed.ledger,
        KeyConditionExpression="message = :row",
        ExpressionAttributeValues={":row": {"S": SWEEP_KEY}},
    )
    for page in pages:
        for row in page["Items"]:
            if checked := _number(row, Column.CHECKED):
                yield row[Column.NOTIFIER]["S"], checked


def _number(row: Mapping[str, Any], column: str) -> float | None:
    return float(row[column]["N"]) if "N" in row.get(column, {}) else None
