"""What became of a message at each notifier, as the ledger's rows tell: waited for, shown, and an exit code."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from batchbell.cli.deployed_stack import DeployedStack
from batchbell.cli.errors import NO_RESULT, CommandFailed
from batchbell.cli.timestamps import minute
from batchbell.dispatcher.delivery.outcome import Result
from batchbell.texts import one_line

FAILED = 1  # exit code
POLL = 0.5  # s between two looks at the ledger
REASON_LIMIT = 300  # characters
LISTENING = ("Enabled", "Enabling", "Creating", "Updating")  # Lambda: a mapping's state in which records are taken

WaitOption = Annotated[int, typer.Option("--wait", help="Seconds to wait for the outcomes.", min=1, max=900)]

LedgerRow = Mapping[str, Any]  # DynamoDB's item


class OutcomeState(StrEnum):
    DELIVERED = "delivered"
    HAD_IT = "had it already"
    LEFT_OUT = "left out"  # the notifier's filters do not take it
    REFUSED = "refused"  # for good
    FAILED = "failed"  # it may work later
    UNKNOWN = "unknown"  # no answer from the channel: it may have arrived
    NO_ANSWER = "no answer"  # from the function


GOOD = (OutcomeState.DELIVERED, OutcomeState.HAD_IT, OutcomeState.LEFT_OUT)
STATES = {
    Result.PERMANENT: OutcomeState.REFUSED,
    Result.TEMPORARY: OutcomeState.FAILED,
    Result.UNKNOWN: OutcomeState.UNKNOWN,
}
COLOURS = {OutcomeState.DELIVERED: "green", OutcomeState.HAD_IT: "green", OutcomeState.LEFT_OUT: "dim"}


@dataclass(frozen=True)
class NotifierOutcome:
    """One notifier's. `reason`: why, on one line; may be empty."""

    notifier: str
    state: OutcomeState
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.notifier, "state": self.state.value, "reason": self.reason or None}


@dataclass(frozen=True)
class OutcomeWatch:
    """Waits for what becomes of the message `key` at notifiers. `before`: its rows by notifier, before it was sent."""

    deployed: DeployedStack
    key: str
    before: Mapping[str, LedgerRow]

    @classmethod
    def begin(cls, deployed: DeployedStack, key: str) -> OutcomeWatch:
        """Raises CommandFailed where nobody would take the message from the intake queue, and botocore's errors."""
        if deployed.intake.mapping not in LISTENING:
            raise CommandFailed(
                f"the function does not take from the intake queue: its event source mapping is "
                f"{deployed.intake.mapping}; docs/operations.md, `status`, says what to do. Nothing was sent"
            )
        return cls(deployed, key, _rows(deployed, key))

    def had_it(self, notifier: str) -> NotifierOutcome | None:
        sent = self.before.get(notifier, {}).get("sent")
        return NotifierOutcome(notifier, OutcomeState.HAD_IT, f"since {minute(float(sent['N']))}") if sent else None

    def wait(self, names: Sequence[str], final: Collection[OutcomeState], patience: float) -> list[NotifierOutcome]:
        """The outcomes in the order of `names`: at the latest after `patience` seconds, before that when each is
        `final`. What is going on is shown on standard error, where that is a terminal."""
        ends = time.monotonic() + patience
        known: dict[str, NotifierOutcome] = {}
        with Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as progress:
            bars = {name: progress.add_task(name, total=1, state="waiting") for name in names}
            while True:
                rows = _rows(self.deployed, self.key)
                known |= {name: found for name in names if (found := self._outcome(name, rows.get(name, {})))}
                for name, outcome in known.items():
                    done = outcome.state in final
                    progress.update(bars[name], state=f"{outcome.state}: {outcome.reason}", completed=int(done))
                if all(name in known and known[name].state in final for name in names) or time.monotonic() > ends:
                    break
                time.sleep(POLL)
        silence = f"none within {patience:.0f} s: see `status`, and the function's log"
        return [known.get(name) or NotifierOutcome(name, OutcomeState.NO_ANSWER, silence) for name in names]

    def _outcome(self, name: str, row: LedgerRow) -> NotifierOutcome | None:
        """What the row tells of this attempt; None if nothing yet."""
        if "sent" in row:
            return NotifierOutcome(name, OutcomeState.DELIVERED)
        if "result" not in row or row["tried"] == self.before.get(name, {}).get("tried"):
            return None
        state = STATES.get(Result(row["result"]["S"]), OutcomeState.FAILED)
        return NotifierOutcome(name, state, one_line(row["reason"]["S"], REASON_LIMIT))


def _rows(deployed: DeployedStack, key: str) -> dict[str, LedgerRow]:
    """The message's rows, by notifier: at most as many as a stack has notifiers."""
    answer = deployed.dynamodb.query(
        TableName=deployed.ledger,
        KeyConditionExpression="message = :key",
        ExpressionAttributeValues={":key": {"S": key}},
        ConsistentRead=True,
    )
    return {row["notifier"]["S"]: row for row in answer["Items"]}


def table(outcomes: Sequence[NotifierOutcome]) -> Table:
    shown = Table()
    for heading in ("notifier", "outcome", "reason"):
        shown.add_column(heading)
    for one in outcomes:
        # Text, not markup: what a channel said must not be read as rich's own.
        shown.add_row(Text(one.notifier), Text(one.state.value, COLOURS.get(one.state, "red")), Text(one.reason))
    return shown


def exit_code(outcomes: Sequence[NotifierOutcome]) -> int:
    """0: each is good; 1: a channel failed; 2: none failed, and some gave no answer."""
    states = {one.state for one in outcomes} - set(GOOD)
    if not states:
        return 0
    return NO_RESULT if states == {OutcomeState.NO_ANSWER} else FAILED
