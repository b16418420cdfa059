"""Waits for the outcome of a message at each notifier, by the ledger's rows, and shows it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from batchbell.cli.deployed.stack import DeployedStack
from batchbell.cli.errors import NO_RESULT, CommandFailed
from batchbell.cli.timestamps import minute
from batchbell.dispatcher.delivery.outcome import Result
from batchbell.terminal import Screen, line
from batchbell.texts import one_line
from batchbell.wire import Column

FAILED = 1  # exit code
POLL = 0.5  # s between two polls of the ledger
REASON_LIMIT = 300  # characters
LISTENING = ("Enabled", "Enabling", "Creating", "Updating")  # states of an event source mapping that polls

WaitOption = Annotated[int, typer.Option("--wait", help="Seconds to wait for the outcomes.", min=1, max=900)]

LedgerRow = Mapping[str, Any]  # DynamoDB's item


class OutcomeState(StrEnum):
    """What happened to the message at one notifier."""

    DELIVERED = "delivered"
    HAD_IT = "had it already"
    LEFT_OUT = "left out"  # by the notifier's filters
    REFUSED = "refused"  # permanently
    FAILED = "failed"  # temporarily
    UNKNOWN = "unknown"  # the channel did not respond: it may have arrived
    NO_ANSWER = "no answer"  # the function wrote no outcome in time


GOOD = (OutcomeState.DELIVERED, OutcomeState.HAD_IT, OutcomeState.LEFT_OUT)
STATES = {
    Result.PERMANENT: OutcomeState.REFUSED,
    Result.TEMPORARY: OutcomeState.FAILED,
    Result.UNKNOWN: OutcomeState.UNKNOWN,
}
COLOURS = {OutcomeState.DELIVERED: "green", OutcomeState.HAD_IT: "green", OutcomeState.LEFT_OUT: "dim"}


@dataclass(frozen=True)
class NotifierOutcome:
    """The outcome at one notifier."""

    notifier: str
    state: OutcomeState
    reason: str = ""  # one line; may be empty

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.notifier, "state": self.state.value, "reason": self.reason or None}


@dataclass(frozen=True)
class OutcomeWatch:
    """Waits for the outcomes of one message."""

    deployed: DeployedStack
    key: str  # the message's key in the ledger
    before: Mapping[str, LedgerRow]  # its rows by notifier before it was sent

    @classmethod
    def begin(cls, deployed: DeployedStack, key: str) -> OutcomeWatch:
        """Start to watch, before the message is sent.

        Raises CommandFailed if the function does not poll the intake queue, and botocore's errors.
        """
        if deployed.intake.mapping not in LISTENING:
            raise CommandFailed(
                f"the function does not poll the intake queue: its event source mapping is "
                f"{deployed.intake.mapping}; docs/operations.md, `status`, says what to do. Nothing was sent"
            )
        return cls(deployed, key, _rows(deployed, key))

    def had_it(self, notifier: str) -> NotifierOutcome | None:
        """Return an outcome if the notifier has already delivered the message."""
        sent = self.before.get(notifier, {}).get(Column.SENT)
        return NotifierOutcome(notifier, OutcomeState.HAD_IT, f"since {minute(float(sent['N']))}") if sent else None

    def wait(self, names: Sequence[str], final: Collection[OutcomeState], timeout: float) -> list[NotifierOutcome]:
        """Wait until all outcomes are final. Shows the progress on standard error, if that is a terminal.

        names: the notifiers.
        final: the states after which nothing more is expected.
        timeout: seconds.

        Returns the outcomes in the order of `names`.
        """
        deadline = time.monotonic() + timeout
        known: dict[str, NotifierOutcome] = {}
        with Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            console=Screen(stderr=True),
            transient=True,
        ) as progress:
            bars = {name: progress.add_task(name, total=1, state="waiting") for name in names}
            while True:
                rows = _rows(self.deployed, self.key)
                known |= {name: found for name in names if (found := self._outcome(name, rows.get(name, {})))}
                for name, outcome in known.items():
                    done = outcome.state in final
                    progress.update(bars[name], state=f"{outcome.state}: {outcome.reason}", completed=int(done))
                if all(name in known and known[name].state in final for name in names) or time.monotonic() > deadline:
                    break
                time.sleep(POLL)
        silence = f"no outcome within {timeout:.0f} s: see `status` and the function's log"
        return [known.get(name) or NotifierOutcome(name, OutcomeState.NO_ANSWER, silence) for name in names]

    def _outcome(self, name: str, row: LedgerRow) -> NotifierOutcome | None:
        """Return the outcome of this attempt, or None if the row does not hold it yet."""
        if Column.SENT in row:
            return NotifierOutcome(name, OutcomeState.DELIVERED)
        if Column.RESULT not in row or row[Column.TRIED] == self.before.get(name, {}).get(Column.TRIED):
            return None
        state = STATES.get(Result(row[Column.RESULT]["S"]), OutcomeState.FAILED)
        return NotifierOutcome(name, state, one_line(row[Column.REASON]["S"], REASON_LIMIT))


def _rows(deployed: DeployedStack, key: str) -> dict[str, LedgerRow]:
    """Return the message's rows by notifier. They fit one page: one row per notifier."""
    response = deployed.dynamodb.query(
        TableName=deployed.ledger,
        KeyConditionExpression="message = :key",
        ExpressionAttributeValues={":key": {"S": key}},
        ConsistentRead=True,
    )
    return {row[Column.NOTIFIER]["S"]: row for row in response["Items"]}


def table(outcomes: Sequence[NotifierOutcome]) -> Table:
    """Draw the outcomes."""
    shown = Table()
    for heading in ("notifier", "outcome", "reason"):
        shown.add_column(heading)
    for one in outcomes:
        shown.add_row(one.notifier, line(one.state.value, style=COLOURS.get(one.state, "red")), one.reason)
    return shown


def exit_code(outcomes: Sequence[NotifierOutcome]) -> int:
    """Return 0 if no notifier failed, 1 if one did, and 2 if only outcomes are missing."""
    states = {one.state for one in outcomes} - set(GOOD)
    if not states:
        return 0
    return NO_RESULT if states == {OutcomeState.NO_ANSWER} else FAILED
