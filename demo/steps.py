"""What the commands share that run a stack on local AWS: the program, the steps on the screen, a clean end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


def checkout() -> Path:
    """The folder of the program that is deployed: the one that batchbell runs from."""
    folder = Path(__file__).resolve().parents[1]
    if not (folder / "Pulumi.yaml").exists():
        raise typer.BadParameter("this runs from a checkout of batchbell: it deploys the program beside it")
    return folder


@contextlib.contextmanager
def stopped_cleanly(errors: Console, what: str) -> Iterator[None]:
    """A run that fails is told on one line, exit code 1; Ctrl-C and SIGTERM stop all that it started, exit code 130."""
    # Imported here, so that the other commands work without the requirements of local AWS.
    from batchbell_local.cloud import LocalCloudError
    from batchbell_local.deployment import DeploymentFailed
    from demo.chaos.run import ChaosFailed
    from demo.print_color import RehearsalFailed

    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background jobs inherit it as ignored
        signal.signal(number, _interrupt)
    try:
        yield
    except (ChaosFailed, LocalCloudError, DeploymentFailed, RehearsalFailed) as error:
        errors.print(f"[red]{what} failed[/red]: {error}", highlight=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        errors.print("Stopped, with all that it had started.")
        raise typer.Exit(130) from None


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


class Steps:
    """A line of the screen for each step of a run; a context manager. `labels`: of each step, in at most 22 signs."""

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
        )
        self._group = ""
        self._step = ""
        self._task: TaskID | None = None

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, group: str) -> None:
        """What follows is about this, in at most 8 signs."""
        self._group = group

    def report(self, step: str, done: int, total: int | None) -> None:
        if step != self._step:
            self.finish()
            self._step = step
            self._task = self._progress.add_task(self._labels[step], total=total, group=self._group)
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def finish(self) -> None:
        """The current step is done."""
        if self._task is not None:
            task = self._progress.tasks[self._task]
            done = task.completed or 1
            self._progress.update(self._task, completed=done, total=task.total or done)
        self._step, self._task = "", None
