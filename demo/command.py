"""`demo`: the whole path on this machine, with no AWS account: one array job, and what each channel really got."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from demo import screen as demo_screen
from demo.steps import Steps, checkout, stopped_cleanly

PLATFORMS = ("EC2", "FARGATE")
LABELS = {
    "local AWS": "local AWS starts",
    "deploying": "resources deployed",
    "children": "children finished",
    "messages": "channels told",
}

EPILOG = """
[bold]Examples[/bold]

python -m demo

python -m demo --fail 2,5 --size 12

python -m demo --json | jq '.runs[].fired'

[bold]Exit codes[/bold]   0: the numbers are right · 1: one is wrong, or a part failed · 2: bad arguments · 130: Ctrl-C
"""


def command(
    size: Annotated[int, typer.Option(help="Children of the array job.", min=2, max=10_000)] = 7,
    fail: Annotated[str, typer.Option(help="Indexes of children that fail, such as 2,5.", metavar="INDEXES")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run an array job on local AWS, on EC2 and on Fargate: children, events, rules, and what the channels got."""
    failing = _indexes(fail, size)
    program = checkout()
    errors = Console(stderr=True)
    runs = []
    with stopped_cleanly(errors, "The demo"), Steps(errors, LABELS) as steps:
        # Imported here, so that the other commands work without the demo's requirements.
        from demo.print_color import rehearse

        for platform in PLATFORMS:
            steps.begin(platform)
            runs.append(rehearse(program, platform, size=size, fail=failing, report=steps.report))
            steps.finish()
    if as_json:
        typer.echo(json.dumps({"runs": [run.to_dict() for run in runs]}))
    else:
        demo_screen.show(runs, Console())
    wrong = [f"{run.platform}: {text}" for run in runs for text in run.wrong()]
    for text in wrong:
        errors.print(f"[red]Wrong number[/red] {text}", highlight=False)
    if wrong:
        raise typer.Exit(1)


def _indexes(text: str, size: int) -> list[int]:
    try:
        indexes = sorted({int(part) for part in text.split(",") if part.strip()})
    except ValueError:
        raise typer.BadParameter(f"takes indexes of children, such as 2,5, not {text!r}", param_hint="--fail") from None
    if indexes and not 0 <= indexes[0] <= indexes[-1] < size:
        raise typer.BadParameter(f"the children of an array of {size} are 0 to {size - 1}", param_hint="--fail")
    return indexes
