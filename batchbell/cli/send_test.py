"""`send-test`: a marked test message through the deployed queue, function and notifiers, and what became of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from typing import Annotated

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
from batchbell.dispatcher.records.self_test import Trial

# A test is tried once: whatever became of it is the answer.
FINAL = frozenset(OutcomeState)

EPILOG = """
[bold]Examples[/bold]

batchbell send-test --stack production

batchbell send-test --function print-color-dispatcher-1a2b3c4 --notifier ops --notifier team

batchbell send-test --stack production --json | jq -r '.notifiers[] | "\\(.name): \\(.state)"'

[bold]Exit codes[/bold]   0: each notifier delivered it · 1: a channel failed · 2: no answer (from a notifier in time, \
from AWS or from Pulumi), or bad arguments · 130: Ctrl-C

A test passes every filter, is tried once, and where it fails leaves no ticket, no dead letter and no alarm. The keys \
of --json are in docs/operations.md.
"""


def command(
    function: FunctionOption = "",
    stack: StackOption = "",
    queue: QueueOption = "",
    notifier: Annotated[
        list[str] | None, typer.Option("--notifier", help="Only to this one; may be repeated.", metavar="NAME")
    ] = None,
    wait: WaitOption = 60,
    region: RegionOption = "",
    profile: ProfileOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Send a marked test message through the deployed queue and function, and tell what each notifier made of it."""
    with reporting_errors():
        with show_activity("Asking AWS"):
            deployed = find_stack(function, stack, region, profile, queue)
            names = choose([one.name for one in deployed.notifiers()], notifier or [])
        trial = Trial(str(uuid.uuid4()), tuple(names), time.time())
        outcomes = _send(deployed, trial, wait)
    if as_json:
        answer = {"function": deployed.function, "region": deployed.region, "id": trial.id}
        typer.echo(json.dumps(answer | {"notifiers": [one.to_dict() for one in outcomes]}, ensure_ascii=False))
    else:
        console = Console()
        console.print(Text(f"Test {trial.id} of {deployed.function} in {deployed.region}", style="bold"))
        console.print(table(outcomes))
    raise typer.Exit(exit_code(outcomes))


def choose(there: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the stack's notifiers that are wanted; all if none is named. Raises CommandFailed."""
    if unknown := [name for name in wanted if name not in there]:
        raise CommandFailed(f"the stack has no notifier {', '.join(unknown)}: it has {', '.join(there) or 'none'}")
    if not there:
        raise CommandFailed("the stack has no notifiers: add some to its settings, then `pulumi up`")
    return [name for name in there if not wanted or name in wanted]


def _send(deployed: DeployedStack, trial: Trial, patience: float) -> list[NotifierOutcome]:
    watch = OutcomeWatch.begin(deployed, trial.key)
    deployed.sqs.send_message(QueueUrl=deployed.intake.url, MessageBody=trial.to_body())
    return watch.wait(trial.notifiers, FINAL, patience)
