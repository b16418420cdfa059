"""`status`: shows the queues, the dead letters with their reasons, and when each notifier last delivered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from batchbell.cli.deployed import dead_letters
from batchbell.cli.deployed.dead_letters import DeadLetterSample
from batchbell.cli.deployed.stack import (
    DeployedQueue,
    DeployedStack,
    FunctionOption,
    ProfileOption,
    QueueDepth,
    RegionOption,
    StackOption,
    find_stack,
)
from batchbell.cli.deployed.sweeps import SweptQueue, find_sweeps
from batchbell.cli.errors import CommandFailed, reporting_errors, show_activity
from batchbell.cli.timestamps import ago, iso, minute
from batchbell.terminal import Screen, line, print_json
from batchbell.texts import one_line
from batchbell.wire import HEALTH_KEY, LEDGER_INDEX, Column

NEEDS_ATTENTION = 1  # exit code
POLLING = "Enabled"  # Lambda API reference, EventSourceMappingConfiguration: State
REASON_LIMIT = 300  # characters

EPILOG = """
[bold]Examples[/bold]

batchbell status --function print-color-bell-dispatcher-1a2b3c4

batchbell status --stack production --profile ops

batchbell status --stack production --json | jq '.dead_letters.groups[].reason'

[bold]Exit codes[/bold]   0: nothing to do · 1: something needs attention (a dead letter, a failing notifier, a queue \
that the function does not poll, sweeps that fail) · 2: AWS or Pulumi returned an error, or wrong arguments

docs/operations.md describes the output of --json.
"""


@dataclass(frozen=True)
class NotifierHealth:
    """One notifier's deliveries; times are epoch seconds."""

    name: str
    last_delivery: float | None  # None if there was none in the 60 days that the ledger remembers
    failing_since: float | None  # None if it has delivered since its last failure
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        times = {"last_delivery": iso(self.last_delivery), "failing_since": iso(self.failing_since)}
        return asdict(self) | times


@dataclass(frozen=True)
class Status:
    """The output of `--json`."""

    function: str
    region: str
    queues: Mapping[str, tuple[DeployedQueue, QueueDepth]]  # by "intake", "retry" and "dead_letters"
    notifiers: Sequence[NotifierHealth]
    sample: DeadLetterSample
    sweeps: Sequence[SweptQueue] | None  # None: the stack does not look at the arrays that run
    notes: Sequence[str]  # what could not be read

    def attention(self) -> list[str]:
        """List what needs a person."""
        found = [
            f"the function does not poll the {name} queue: its event source mapping is {queue.mapping}"
            for name, (queue, _) in self.queues.items()
            if queue.mapping not in (None, POLLING)
        ]
        found += [
            f"{notifier.name}: failing since {minute(notifier.failing_since)}: {notifier.reason}"
            for notifier in self.notifiers
            if notifier.failing_since is not None
        ]
        found += [
            f"sweeps of {one.name} fail since about {minute(one.checked)}: the function's log says why"
            for one in self.sweeps or ()
            if one.checked is not None and one.is_late(time.time())
        ]
        if total := self.sample.total:
            found.append(f"{total:,} dead letter{'s' if total > 1 else ''}: fix the cause, then `redrive`")
        return found

    def to_dict(self) -> dict[str, Any]:
        return {
            "function": self.function,
            "region": self.region,
            "queues": {
                name: {**asdict(count), "mapping": queue.mapping} for name, (queue, count) in self.queues.items()
            },
            "notifiers": [notifier.to_dict() for notifier in self.notifiers],
            "dead_letters": self.sample.to_dict(),
            "sweeps": None if self.sweeps is None else [one.to_dict() for one in self.sweeps],
            "notes": list(self.notes),
            "attention": self.attention(),
        }


@dataclass(frozen=True)
class _ChannelFailure:
    """What the function wrote about a channel that fails; `since`: epoch seconds."""

    since: float
    reason: str  # one line

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> _ChannelFailure | None:
        """Return None if somebody else wrote the row."""
        try:
            return cls(float(row[Column.SINCE]["N"]), one_line(row[Column.REASON]["S"], REASON_LIMIT))
        except KeyError:
            return None


def command(
    function: FunctionOption = "",
    stack: StackOption = "",
    region: RegionOption = "",
    profile: ProfileOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show the queues, the dead letters with their reasons, and when each notifier last delivered. Changes nothing."""
    with reporting_errors(), show_activity("Calling AWS"):
        status = find_status(find_stack(function, stack, region, profile))
    if as_json:
        print_json(status.to_dict())
    else:
        _show(status, Screen())
    if status.attention():
        raise typer.Exit(NEEDS_ATTENTION)


def find_status(deployed: DeployedStack) -> Status:
    """Read the status. Tickets are only counted: reading one would count as one of its five receives.

    Raises botocore's errors.
    """
    queues = {"intake": deployed.intake, "retry": deployed.retry, "dead_letters": deployed.dead_letters}
    counts = {name: (queue, deployed.count(queue)) for name, queue in queues.items()}
    sample = dead_letters.take_sample(deployed, counts["dead_letters"][1].total)
    failures = _find_failures(deployed)
    notes, sweeps = [], None
    try:
        names = tuple(one.name for one in deployed.notifiers())
        sweeps = find_sweeps(deployed)
    except CommandFailed as problem:
        names = tuple(sorted({*failures, *(one.notifier for one in sample.letters if one.notifier)}))
        notes.append(f"{problem}: only notifiers with dead letters or failures are shown")
    notifiers = [_health(deployed, name, failures.get(name)) for name in names]
    return Status(deployed.function, deployed.region, counts, notifiers, sample, sweeps, notes)


def _find_failures(deployed: DeployedStack) -> dict[str, _ChannelFailure]:
    """Return the failures of the channels that have failed, by notifier, from the ledger's rows about channels."""
    pages = deployed.dynamodb.get_paginator("query").paginate(
        TableName=deployed.ledger,
        KeyConditionExpression="message = :row",
        ExpressionAttributeValues={":row": {"S": HEALTH_KEY}},
    )
    rows = (row for page in pages for row in page["Items"])
    return {row[Column.NOTIFIER]["S"]: failure for row in rows if (failure := _ChannelFailure.from_row(row))}


def _health(deployed: DeployedStack, name: str, failure: _ChannelFailure | None) -> NotifierHealth:
    last = _last_delivery(deployed, name)
    if failure is None or (last is not None and last >= failure.since):
        return NotifierHealth(name, last, None, None)
    return NotifierHealth(name, last, failure.since, failure.reason)


def _last_delivery(deployed: DeployedStack, name: str) -> float | None:
    rows = deployed.dynamodb.query(
        TableName=deployed.ledger,
        IndexName=LEDGER_INDEX,
        KeyConditionExpression="notifier = :name",
        ExpressionAttributeValues={":name": {"S": name}},
        ScanIndexForward=False,
        Limit=1,
    )["Items"]
    return float(rows[0][Column.SENT]["N"]) if rows else None


def _show(status: Status, screen: Screen) -> None:
    screen.print(line(f"{status.function} in {status.region}", style="bold"))
    screen.print(_queue_table(status))
    screen.print(_notifier_table(status.notifiers, time.time()))
    for text in _describe_sweeps(status.sweeps, time.time()):
        screen.print(line(text), soft_wrap=True)
    if status.sample.total:
        screen.print(status.sample.table())
    for note in status.notes:
        screen.print(line(note, style="dim"), soft_wrap=True)
    attention = status.attention()
    for need in attention:
        screen.print(line(("! ", "yellow"), need), soft_wrap=True)
    if not attention:
        screen.print(line("Nothing to do.", style="green"))


def _describe_sweeps(sweeps: Sequence[SweptQueue] | None, now: float) -> Iterator[str]:
    if sweeps is not None and not sweeps:
        yield "sweeps: none yet"
    for one in sweeps or ():
        yield f"sweeps of {one.name}: {_describe_check(one.checked, now)}"


def _describe_check(checked: float | None, now: float) -> str:
    if checked is None:
        return "none yet"
    return f"every job that ended before {minute(checked)} ({ago(checked, now)}) has its message"


def _queue_table(status: Status) -> Table:
    table = Table()
    table.add_column("queue")
    for heading in ("waiting", "in flight", "delayed"):
        table.add_column(heading, justify="right")
    labels = {"intake": "intake", "retry": "retry (tickets)", "dead_letters": "dead letters"}
    for name, (_, count) in status.queues.items():
        table.add_row(labels[name], *(f"{number:,}" for number in (count.waiting, count.in_flight, count.delayed)))
    return table


def _notifier_table(notifiers: Sequence[NotifierHealth], now: float) -> Table:
    table = Table()
    for heading in ("notifier", "last delivery", "now"):
        table.add_column(heading)
    for notifier in notifiers:
        last, since = notifier.last_delivery, notifier.failing_since
        delivered = "none in 60 days" if last is None else f"{minute(last)} ({ago(last, now)})"
        state = (
            line("ok", style="green")
            if since is None
            else line(f"failing since {minute(since)}: {notifier.reason}", style="red")
        )
        table.add_row(notifier.name, delivered, state)
    return table
