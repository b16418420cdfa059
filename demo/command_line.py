"""What both commands share: the Typer app, the program that they deploy, progress on the screen, a clean exit."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from batchbell.checked_output import checked_output
from batchbell.terminal import line
from batchbell_local.cloud import LocalCloudError
from batchbell_local.deployment import DeploymentFailed
from demo.print_color import RunFailed


def run(command: Callable[..., None], epilog: str, program: str) -> None:
    """Run `command` on the process's arguments; `program` is the name that its help shows."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.command(epilog=epilog)(command)
    with checked_output():
        app(prog_name=program)


def program_folder() -> Path:
    """The folder of the Pulumi program to deploy: the checkout that this runs from."""
    folder = Path(__file__).resolve().parents[1]
    if not (folder / "Pulumi.yaml").exists():
        raise typer.BadParameter("run this from a checkout of batchbell: it deploys the program in that checkout")
    return folder


@contextlib.contextmanager
def clean_exit(errors: Console, what: str) -> Iterator[None]:
    """Exit with 1 and one line if the run fails, with 130 on Ctrl-C or SIGTERM after everything has been stopped."""
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background jobs inherit it as ignored
        signal.signal(number, _interrupt)
    try:
        yield
    except (LocalCloudError, DeploymentFailed, RunFailed) as error:
        errors.print(line(f"{what} failed", style="red").append(f": {error}", style="default"))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print("Stopped, and with it everything that it had started.")
        raise typer.Exit(130) from None


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


class ProgressLines:
    """Shows a line for each step of a run; a context manager. `labels`: by step, at most 22 characters each."""

    def __init__(self, errors: Console, labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.fields[group]:<8}"),
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=errors,
            auto_refresh=errors.is_terminal,  # elsewhere only the end is printed
        )
        self._group = ""
        self._step = ""
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressLines:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, group: str) -> None:
        """Put the steps that follow under this heading of at most 8 characters."""
        self._group = group

    def report(self, step: str, done: int, total: int | None) -> None:
        if step != self._step:
            self.finish()
            self._step = step
            self._task = self._progress.add_task(self._labels[step], total=total, group=self._group)
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def say(self, text: str) -> None:
        """Print a line above the steps."""
        self._progress.console.print(line(("  ", ""), (text, "dim")))

    def finish(self) -> None:
        """Mark the current step as done."""
        if self._task is not None:
            task = self._progress.tasks[self._task]
            done = task.completed or 1
            self._progress.update(self._task, completed=done, total=task.total or done)
        self._step, self._task = "", None
