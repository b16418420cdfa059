"""`replay`: a real event through the deployed queue, function and notifiers once more, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from batchbell.cli.delivery_outcomes import NotifierOutcome, OutcomeState, OutcomeWatch, WaitOption, exit_code, table
from batchbell.cli.deployed_stack import (
    DeployedStack,
    FunctionOption,
    ProfileOption,
    QueueOption,
    RegionOption,
    StackOption,
    find_stack,
)
from batchbell.cli.errors import CommandFailed, reporting_errors, show_activity
from batchbell.cli.event_file import message_of, name_part, parse_event, read_event
from batchbell.contract import Message

# What failed for now, or got no answer, is tried again by the function: it may still change.
FINAL = (OutcomeState.DELIVERED, OutcomeState.REFUSED)

EPILOG = """
[bold]Examples[/bold]

batchbell replay event.json --stack production

aws sqs receive-message … | jq -r '.Messages[0].Body' | batchbell replay - --function NAME

batchbell replay event.json --stack production --json | jq '.notifiers'

[bold]Exit codes[/bold]   0: each notifier delivered it, had it already or does not take it · 1: a channel failed · \
2: no answer (from a notifier in time, from AWS or from Pulumi), no event of a finished job, or bad arguments · \
130: Ctrl-C

Who has the message already, as the ledger remembers for 60 days, does not get it again. The keys of --json are in \
docs/operations.md.
"""


def command(
    event: Annotated[
        str, typer.Argument(metavar="EVENT.json", help="A file with one EventBridge event, or - for stdin.")
    ],
    function: FunctionOption = "",
    stack: StackOption = "",
    queue: QueueOption = "",
    wait: WaitOption = 60,
    region: RegionOption = "",
    profile: ProfileOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Put a real event into the deployed intake queue, and tell what each notifier made of its message."""
    with reporting_errors():
        parsed = read_event(event)
        message = _message(parsed)
        with show_activity("Asking AWS"):
            deployed = find_stack(function, stack, region, profile, queue)
        outcomes = _replay(deployed, parsed, message, wait)
    if as_json:
        answer = {"function": deployed.function, "region": deployed.region, "message": message.title}
        typer.echo(json.dumps(answer | {"notifiers": [one.to_dict() for one in outcomes]}, ensure_ascii=False))
    else:
        _show(deployed, message, outcomes, Console())
    raise typer.Exit(exit_code(outcomes))


def _message(event: Mapping[str, Any]) -> Message:
    parsed = parse_event(event)
    if part := name_part(event):
        raise CommandFailed(
            f"this is the event of {part}, which no rule lets through: replay the event of the whole job"
        )
    return message_of(parsed)


def _replay(
    deployed: DeployedStack, event: Mapping[str, Any], message: Message, patience: float
) -> list[NotifierOutcome]:
    """In the order of the stack's notifiers. Raises CommandFailed, and botocore's errors."""
    watch = OutcomeWatch.begin(deployed, message.key)
    there = deployed.notifiers()
    settled = {
        one.name: watch.had_it(one.name) if one.takes(message) else NotifierOutcome(one.name, OutcomeState.LEFT_OUT)
        for one in there
    }
    waiting_for = [name for name, outcome in settled.items() if outcome is None]
    arrived = {}
    if waiting_for:
        deployed.sqs.send_message(QueueUrl=deployed.intake.url, MessageBody=json.dumps(event))
        arrived = {one.notifier: one for one in watch.wait(waiting_for, FINAL, patience)}
    return [outcome or arrived[name] for name, outcome in settled.items()]


def _show(deployed: DeployedStack, message: Message, outcomes: Sequence[NotifierOutcome], console: Console) -> None:
    console.print(Text(f"{message.title}, replayed to {deployed.function} in {deployed.region}", style="bold"))
    console.print(table(outcomes))
    states = {one.state for one in outcomes}
    if not states - {OutcomeState.HAD_IT, OutcomeState.LEFT_OUT}:
        console.print("Nothing was sent: nobody is left who lacks it.")
    if states & {OutcomeState.FAILED, OutcomeState.UNKNOWN}:
        console.print("What failed is tried again, for four hours; `status` shows it.")
    if OutcomeState.REFUSED in states:
        console.print("What was refused is a dead letter: mend the channel, then `redrive`.")
