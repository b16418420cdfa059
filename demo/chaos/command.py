"""`chaos`: jobs finish on local AWS while everything fails at random, and each message is accounted for."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.steps import Steps, checkout, stopped_cleanly

if TYPE_CHECKING:
    from demo.chaos.account import Account

LABELS = {
    "local AWS": "local AWS starts",
    "deploying": "resources deployed",
    "events": "events, and faults",
    "waiting": "what waited is done",
}

EPILOG = """
[bold]Examples[/bold]

python -m demo.chaos

python -m demo.chaos --jobs 200 --seed 7

python -m demo.chaos --json | jq '.each_duplicate[].cause'

[bold]What fails[/bold]   each channel (refused, cut, slow, dripping, throttled, 4xx, 5xx, a proxy's answer), the \
ledger, the secret, the look-up of children, the tickets' queue; the function is killed at any moment; events come \
twice and out of order; records are not events. The seed decides which faults come when; what they hit depends on \
timing too.

[bold]Exit codes[/bold]   0: nothing is lost, and what came twice has a cause and says that it may be a repeat · \
1: otherwise, or the run failed · 2: bad arguments · 130: Ctrl-C
"""


def command(
    jobs: Annotated[int, typer.Option(help="Array jobs that finish, five a second.", min=1, max=2_000)] = 100,
    seed: Annotated[int, typer.Option(help="Decides which faults come when.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Let array jobs finish on local AWS while everything fails, and account for each message."""
    program = checkout()
    errors = Console(stderr=True)
    with stopped_cleanly(errors, "The run"), Steps(errors, LABELS) as steps:
        # Imported here, so that the other commands work without the requirements of local AWS.
        from demo.chaos.run import run_chaos

        steps.begin(f"seed {seed}")
        account = run_chaos(program, jobs, seed, steps.report)
        steps.finish()
    if as_json:
        typer.echo(json.dumps(account.to_dict()))
    else:
        _show(account, Console())
    wrong = account.wrong()
    for text in wrong:
        errors.print(f"[red]Wrong[/red] {text}", highlight=False)
    if wrong:
        raise typer.Exit(1)


def _show(account: Account, console: Console) -> None:
    console.print()
    console.print(_counts(account))
    causes = {
        "Why something came twice": Counter(one.cause for one in account.duplicates),
        "Why something is a dead letter": Counter(one.cause for one in account.dead_letters),
        "What failed, and how often": Counter(account.faults),
    }
    for title, counts in causes.items():
        if counts:
            console.print()
            console.print(_table(title, counts))
    console.print()
    console.print(f"Counted on local AWS in {account.seconds:.1f} s; everything that ran is stopped.", highlight=False)


def _counts(account: Account) -> Table:
    table = Table(title=f"{account.accepted} jobs in bad weather", title_justify="left", title_style="bold")
    table.add_column("")
    for name in account.delivered:
        table.add_column(name, justify="right")
    names = list(account.delivered)
    twice, dead = (Counter(one.notifier for one in part) for part in (account.duplicates, account.dead_letters))
    lost = Counter(notifier for _, notifier in account.lost)
    table.add_row("jobs delivered", *(str(account.delivered[name]) for name in names))
    table.add_row("messages", *(str(account.messages[name]) for name in names), end_section=True)
    table.add_row("jobs that came twice, marked", *(str(twice[name]) for name in names))
    table.add_row("dead letters", *(str(dead[name]) for name in names))
    table.add_row("lost", *(Text(str(lost[name]), "red" if lost[name] else "green") for name in names))
    return table


def _table(title: str, counts: Counter[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    for text, number in counts.most_common():
        table.add_row(str(number), Text(text or "nobody knows"))
    return table
