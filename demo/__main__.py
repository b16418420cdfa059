"""`python -m demo`: runs one array job on this machine, with no AWS account, and shows what each channel received."""

from __future__ import annotations

from typing import Annotated

import typer

from batchbell.terminal import Screen, line, print_json
from demo import screen
from demo.command_line import ProgressLines, clean_exit, program_folder, run
from demo.print_color import run_print_color
from demo.watch import SIZE, SMALLEST, run_watched

PLATFORMS = ("EC2", "FARGATE")
CHILDREN = 7
LABELS = {
    "local AWS": "local AWS started",
    "deploying": "resources deployed",
    "children": "children finished",
    "messages": "channels notified",
    "rerun": "failed children again",
}

EPILOG = """
[bold]Examples[/bold]

python -m demo

python -m demo --fail 2,5 --size 12

python -m demo --fail 2,5 --rerun

python -m demo --watch

python -m demo --json | jq '.runs[].fired'

[bold]Exit codes[/bold]   0: all counts are right · 1: a count is wrong, or the run failed · 2: bad arguments · \
130: Ctrl-C
"""


def command(
    size: Annotated[
        int | None,
        typer.Option(help=f"Number of children in the array job: 7, with --watch {SIZE}.", min=2, max=10_000),
    ] = None,
    fail: Annotated[str, typer.Option(help="Indexes of children that fail, such as 2,5.", metavar="INDEXES")] = "",
    rerun: Annotated[bool, typer.Option("--rerun", help="Run the failed children again, without the cause.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Watch a larger job whose first children fail, in Slack, while it runs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run an array job on local AWS, on EC2 and on Fargate: count events and rule matches, show each message."""
    size = size or (SIZE if watch else CHILDREN)
    failing = _indexes(fail, size)
    if watch and (failing or rerun):
        raise typer.BadParameter("chooses itself which children fail, and runs none again", param_hint="--watch")
    if rerun and not failing:
        raise typer.BadParameter("there is nothing to run again without --fail", param_hint="--rerun")
    if watch and size < SMALLEST:
        raise typer.BadParameter(f"with --watch takes at least {SMALLEST}", param_hint="--size")
    program = program_folder()
    errors = Screen(stderr=True)
    runs = []
    with clean_exit(errors, "The demo"), ProgressLines(errors, LABELS) as progress:
        for platform in PLATFORMS:
            progress.begin(platform)
            if watch:
                runs.append(run_watched(program, platform, size=size, report=progress.report, say=progress.say))
            else:
                runs.append(
                    run_print_color(program, platform, size=size, fail=failing, rerun=rerun, report=progress.report)
                )
            progress.finish()
    if as_json:
        print_json({"runs": [run.to_dict() for run in runs]})
    else:
        screen.show(runs, Screen())
    wrong = [f"{run.platform}: {text}" for run in runs for text in run.wrong_counts()]
    for text in wrong:
        errors.print(line(("Wrong count", "red"), f" {text}"))
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


if __name__ == "__main__":
    run(command, EPILOG, "python -m demo")
