"""`send-test`: sends a test message through the deployed queue, function and notifiers, and shows the outcomes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Annotated

import typer

from batchbell.cli.deployed.outcomes import NotifierOutcome, OutcomeState, OutcomeWatch, WaitOption, exit_code, table
from batchbell.cli.deployed.stack import (
    DeployedStack,
    FunctionOption,
    ProfileOption,
    QueueOption,
    RegionOption,
    StackOption,
    find_stack,
)
from batchbell.cli.errors import CommandFailed, reporting_errors, show_activity
from batchbell.dispatcher.records.self_test import SelfTest
from batchbell.terminal import Screen, line, print_json

# A test is tried once, so that every outcome is final.
FINAL = frozenset(OutcomeState)

EPILOG = """
[bold]Examples[/bold]

batchbell send-test --stack production

batchbell send-test --function print-color-bell-dispatcher-1a2b3c4 --notifier ops --notifier team

batchbell send-test --stack production --json | jq -r '.notifiers[] | "\\(.name): \\(.state)"'

[bold]Exit codes[/bold]   0: each notifier delivered it · 1: a channel failed · 2: no outcome in time, an error of AWS \
or Pulumi, or wrong arguments · 130: Ctrl-C

Filters do not apply to a test. It is tried once; if it fails, it leaves no ticket, dead letter or alarm. \
docs/operations.md describes the output of --json.
"""


def command(
    function: FunctionOption = "",
    stack: StackOption = "",
    queue: QueueOption = "",
    notifier: Annotated[
        list[str] | None, typer.Option("--notifier", help="Only this notifier; may be repeated.", metavar="NAME")
    ] = None,
    wait: WaitOption = 60,
    region: RegionOption = "",
    profile: ProfileOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Send a marked test message through the deployed queue and function, and show what happens at each notifier."""
    with reporting_errors():
        with show_activity("Calling AWS"):
            deployed = find_stack(function, stack, region, profile, queue)
            names = choose([one.name for one in deployed.notifiers()], notifier or [])
        test = SelfTest(str(uuid.uuid4()), tuple(names), time.time())
        outcomes = _send(deployed, test, wait)
    if as_json:
        header = {"function": deployed.function, "region": deployed.region, "id": test.id}
        print_json(header | {"notifiers": [one.to_dict() for one in outcomes]})
    else:
        screen = Screen()
        screen.print(line(f"Test {test.id} of {deployed.function} in {deployed.region}", style="bold"))
        screen.print(table(outcomes))
    raise typer.Exit(exit_code(outcomes))


def choose(notifiers: Sequence[str], requested: Sequence[str]) -> list[str]:
    """Return the requested ones of the stack's notifiers, or all if none is requested. Raises CommandFailed."""
    if unknown := [name for name in requested if name not in notifiers]:
        raise CommandFailed(f"the stack has no notifier {', '.join(unknown)}: it has {', '.join(notifiers) or 'none'}")
    if not notifiers:
        raise CommandFailed("the stack has no notifiers: add some to its settings, then `pulumi up`")
    return [name for name in notifiers if not requested or name in requested]


def _send(deployed: DeployedStack, test: SelfTest, timeout: float) -> list[NotifierOutcome]:
    watch = OutcomeWatch.begin(deployed, test.key)
    deployed.sqs.send_message(QueueUrl=deployed.intake.url, MessageBody=test.to_body())
    return watch.wait(test.notifiers, FINAL, timeout)
