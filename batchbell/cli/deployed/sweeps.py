"""When the function last looked at the arrays that run in each job queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from batchbell.cli.deployed.stack import DeployedStack
from batchbell.cli.timestamps import iso
from batchbell.wire import SWEEP_KEY, Column


@dataclass(frozen=True)
class SweptQueue:
    """A job queue that sweeps look at.

    queue: its ARN
    last: the last sweep that saw all of it, in epoch seconds; None if there was none
    """

    queue: str
    last: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"last": iso(self.last)}


def find_sweeps(deployed: DeployedStack) -> Sequence[SweptQueue] | None:
    """Return the queues that sweeps look at; None in a stack without sweeps.

    A stack that watches job definitions in all queues shows those that a sweep has seen.

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
