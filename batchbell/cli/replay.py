"""`replay`: sends a real event through the deployed queue, function and notifiers again, and shows the outcomes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

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
from batchbell.cli.events.event_file import message_of, parse_event, parse_if_known, read_event
from batchbell.cli.events.verdict import judge
from batchbell.contract import Message
from batchbell.terminal import Screen, line, print_json

# The function retries the other outcomes, so that they may still change.
FINAL = (OutcomeState.DELIVERED, OutcomeState.REFUSED)

EPILOG = """
[bold]Examples[/bold]

batchbell replay event.json --stack production

aws sqs receive-message … | jq -r '.Messages[0].Body' | batchbell replay - --function NAME

batchbell replay event.json --stack production --json | jq '.notifiers'

[bold]Exit codes[/bold]   0: each notifier delivered it, had it already or filters it out · 1: a channel failed · \
2: no outcome in time, an error of AWS or Pulumi, an event that no rule matches, or wrong arguments · 130: Ctrl-C

A notifier that has delivered the message in the last 60 days does not send it again. docs/operations.md describes the \
output of --json.
"""


def command(
    event: Annotated[
        str, typer.Argument(metavar="EVENT.json", help="A file with one EventBridge event, or - for standard input.")
    ],
    function: FunctionOption = "",
    stack: StackOption = "",
    queue: QueueOption = "",
    wait: WaitOption = 60,
    region: RegionOption = "",
    profile: ProfileOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Put a real event into the deployed intake queue, and show what happens at each notifier."""
    with reporting_errors():
        parsed = read_event(event)
        known = parse_if_known(parsed)
        with show_activity("Calling AWS"):
            deployed = find_stack(function, stack, region, profile, queue)
            _refuse_what_no_rule_matches(deployed, parsed)
        message = message_of(known or parse_event(parsed))
        outcomes = _replay(deployed, parsed, message, wait)
    if as_json:
        header = {"function": deployed.function, "region": deployed.region, "message": message.title}
        print_json(header | {"notifiers": [one.to_dict() for one in outcomes]})
    else:
        _show(deployed, message, outcomes, Screen())
    raise typer.Exit(exit_code(outcomes))


def _refuse_what_no_rule_matches(deployed: DeployedStack, event: Mapping[str, Any]) -> None:
    """Raises CommandFailed if no rule of the deployed stack would have let the event through."""
    verdict = judge(deployed.event_patterns(), event)
    if not verdict.matches:
        hints = "".join(f". {one.hint}" for one in verdict.mismatches if one.hint)
        raise CommandFailed(f"no rule of the stack matches this event: {verdict.why}{hints}")


def _replay(
    deployed: DeployedStack, event: Mapping[str, Any], message: Message, timeout: float
) -> list[NotifierOutcome]:
    """Return the outcomes in the order of the stack's notifiers. Raises CommandFailed and botocore's errors."""
    watch = OutcomeWatch.begin(deployed, message.key)
    notifiers = deployed.notifiers()
    settled = {
        one.name: watch.had_it(one.name)
        if one.takes_message(message)
        else NotifierOutcome(one.name, OutcomeState.LEFT_OUT)
        for one in notifiers
    }
    waiting_for = [name for name, outcome in settled.items() if outcome is None]
    arrived = {}
    if waiting_for:
        deployed.sqs.send_message(QueueUrl=deployed.intake.url, MessageBody=json.dumps(event))
        arrived = {one.notifier: one for one in watch.wait(waiting_for, FINAL, timeout)}
    return [outcome or arrived[name] for name, outcome in settled.items()]


def _show(deployed: DeployedStack, message: Message, outcomes: Sequence[NotifierOutcome], screen: Screen) -> None:
    screen.print(line(f"{message.title}, replayed to {deployed.function} in {deployed.region}", style="bold"))
    screen.print(table(outcomes))
    states = {one.state for one in outcomes}
    if not states - {OutcomeState.HAD_IT, OutcomeState.LEFT_OUT}:
        screen.print("Nothing was sent: every notifier has it already, or filters it out.")
    if states & {OutcomeState.FAILED, OutcomeState.UNKNOWN}:
        screen.print("Failed deliveries are retried for four hours; `status` shows them.")
    if OutcomeState.REFUSED in states:
        screen.print("Refused messages are dead letters: fix the channel, then `redrive`.")
