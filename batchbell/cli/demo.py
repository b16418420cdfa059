"""`demo`: the whole path on this machine, with no AWS account: one array job, and what each channel really got."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from batchbell.cli import demo_screen

PLATFORMS = ("EC2", "FARGATE")

EPILOG = """
[bold]Examples[/bold]

python -m batchbell demo

python -m batchbell demo --fail 2,5 --size 12

python -m batchbell demo --json | jq '.runs[].fired'

[bold]Exit codes[/bold]   0: the numbers are right · 1: one is wrong, or a part failed · 2: bad arguments · 130: Ctrl-C
"""


def command(
    size: Annotated[int, typer.Option(help="Children of the array job.", min=2, max=10_000)] = 7,
    fail: Annotated[str, typer.Option(help="Indexes of children that fail, such as 2,5.", metavar="INDEXES")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run an array job on local AWS, on EC2 and on Fargate: children, events, rules, and what the channels got."""
    failing = _indexes(fail, size)
    # Imported here, so that the other commands work without the demo's requirements.
    from batchbell.local.cloud import LocalCloudError
    from batchbell.local.deployment import DeploymentFailed
    from batchbell.local.rehearsal import RehearsalFailed, rehearse

    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background jobs inherit it as ignored
        signal.signal(number, _interrupt)
    errors = Console(stderr=True)
    program = _program_folder()
    runs = []
    try:
        with _progress(errors) as progress:
            for platform in PLATFORMS:
                report = _Reporter(progress, platform)
                runs.append(rehearse(program, platform, size=size, fail=failing, report=report))
                report.finish()
    except (LocalCloudError, DeploymentFailed, RehearsalFailed) as error:
        errors.print(f"[red]The demo failed[/red] on {platform}: {error}", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print("Stopped, with all that it had started.")
        raise typer.Exit(130) from None
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


def _program_folder() -> Path:
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "Pulumi.yaml").exists():
        raise typer.BadParameter("the demo runs from a checkout of batchbell: it deploys the program beside it")
    return folder


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.fields[platform]:<8}"),
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


class _Reporter:
    """Shows each step of a run as a line of the progress display."""

    LABELS = {  # noqa: RUF012
        "local AWS": "local AWS starts",
        "deploying": "resources deployed",
        "children": "children finished",
        "messages": "channels told",
    }

    def __init__(self, progress: Progress, platform: str) -> None:
        self._progress, self._platform = progress, platform
        self._step = ""
        self._task: TaskID | None = None

    def __call__(self, step: str, done: int, total: int | None) -> None:
        if step != self._step:
            self.finish()
            self._step = step
            self._task = self._progress.add_task(self.LABELS[step], total=total, platform=self._platform)
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def finish(self) -> None:
        """The current step is done."""
        if self._task is not None:
            task = self._progress.tasks[self._task]
            done = task.completed or 1
            self._progress.update(self._task, completed=done, total=task.total or done)
