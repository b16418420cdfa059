"""`python -m demo.chaos`: injects faults everywhere while jobs finish on local AWS, then accounts for each message."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.chaos.audit import Audit
from demo.chaos.run import run_chaos
from demo.command_line import ProgressLines, clean_exit, program_folder, run

LABELS = {
    "local AWS": "local AWS started",
    "deploying": "resources deployed",
    "boards": "live messages of the first jobs",
    "events": "events sent",
    "waiting": "queues drained",
    "half": "half a lifetime later",
    "lifetime": "after every lifetime",
    "redrive": "dead letters redriven",
}

EPILOG = """
[bold]Examples[/bold]

python -m demo.chaos

python -m demo.chaos --jobs 200 --seed 7

python -m demo.chaos --json | jq '.each_duplicate[].cause'

[bold]What fails[/bold]   each channel (refused and cut connections, slow, dripping and endless answers, throttling, \
waits of a day and of 31 years, 4xx, 5xx, a proxy's page and odd statuses, some jobs that Slack refuses with their \
digest), Slack's Web API with its own errors, the ledger, the secret, the look-up of failed children, the retry queue; \
the function is killed at any moment, its clock is an hour wrong, its next version is deployed and rolled back; events \
arrive twice, late and out of order; some records are not events. Then the clock jumps past the lifetime of every \
message, and the dead letters are redriven. The seed decides which faults come when; what they hit depends on timing \
too.

[bold]Exit codes[/bold]   0: nothing was lost, each duplicate has a known cause and says that it may be a repeat, a \
job has one live message, which goes forward only and ends with the job, no message outlived its lifetime, no \
connection stayed open, and the redrive delivered all but what Slack refuses · \
1: otherwise, or the run failed · 2: bad arguments · 130: Ctrl-C
"""


def command(
    jobs: Annotated[int, typer.Option(help="Array jobs that finish, five a second.", min=1, max=2_000)] = 100,
    seed: Annotated[int, typer.Option(help="Decides which faults come when.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Let array jobs finish on local AWS while everything fails, and account for each message."""
    program = program_folder()
    errors = Console(stderr=True)
    with clean_exit(errors, "The run"), ProgressLines(errors, LABELS) as progress:
        progress.begin(f"seed {seed}")
        audit = run_chaos(program, jobs, seed, progress.report)
        progress.finish()
    if as_json:
        typer.echo(json.dumps(audit.to_dict()))
    else:
        _show(audit, Console())
    violations = audit.violations()
    for text in violations:
        errors.print(f"[red]Wrong[/red] {text}", highlight=False)
    if violations:
        raise typer.Exit(1)


def _show(audit: Audit, console: Console) -> None:
    console.print()
    console.print(_counts(audit))
    causes = {
        "Causes of duplicates": Counter(one.cause for one in audit.duplicates),
        "Causes of dead letters": Counter(one.cause for one in audit.dead_letters),
        "Faults, and how often each one hit": Counter(audit.faults),
    }
    for title, counts in causes.items():
        if counts:
            console.print()
            console.print(_table(title, counts))
    console.print()
    console.print(f"Counted on local AWS in {audit.seconds:.1f} s; everything has been stopped.", highlight=False)


def _counts(audit: Audit) -> Table:
    table = Table(title=f"{audit.accepted} jobs while everything fails", title_justify="left", title_style="bold")
    table.add_column("")
    for name in audit.delivered:
        table.add_column(name, justify="right")
    names = list(audit.delivered)
    twice, dead = (Counter(one.notifier for one in part) for part in (audit.duplicates, audit.dead_letters))
    lost = Counter(notifier for _, notifier in audit.lost)
    table.add_row("jobs delivered", *(str(audit.delivered[name]) for name in names))
    table.add_row("messages", *(str(audit.messages[name]) for name in names), end_section=True)
    table.add_row("jobs delivered more than once", *(str(twice[name]) for name in names))
    table.add_row("dead letters", *(str(dead[name]) for name in names))
    table.add_row("live messages", *(str(audit.boards.posts) if name == "bot" else "" for name in names))
    table.add_row("lost", *(Text(str(lost[name]), "red" if lost[name] else "green") for name in names))
    return table


def _table(title: str, counts: Counter[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    for text, number in counts.most_common():
        table.add_row(str(number), Text(text or "unknown"))
    return table


if __name__ == "__main__":
    run(command, EPILOG, "python -m demo.chaos")
