"""`redrive`: moves the dead letters back to the retry queue, after their cause was fixed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from batchbell.cli.deployed import dead_letters
from batchbell.cli.deployed.dead_letters import DeadLetterSample
from batchbell.cli.deployed.move_task import MoveTask, follow, list_tasks, start
from batchbell.cli.deployed.stack import (
    DeployedStack,
    FunctionOption,
    ProfileOption,
    RegionOption,
    StackOption,
    find_stack,
)
from batchbell.cli.errors import INTERRUPTED, reporting_errors, show_activity
from batchbell.cli.progress_bar import progress_bar
from batchbell.terminal import Screen, print_json

NOT_COMPLETED = 1  # exit code

EPILOG = """
[bold]Examples[/bold]

batchbell redrive --stack production --dry-run

batchbell redrive --function print-color-bell-dispatcher-1a2b3c4

batchbell redrive --stack production --json | jq .task.moved

[bold]Exit codes[/bold]   0: moved, or nothing to move · 1: the task failed or was cancelled · 2: AWS or Pulumi \
returned an error, or wrong arguments · 130: Ctrl-C; the task continues

docs/operations.md describes the output of --json.
"""


@dataclass(frozen=True)
class Redrive:
    """The output of `--json`."""

    function: str
    region: str
    dry_run: bool
    sample: DeadLetterSample
    task: MoveTask | None  # None in a dry run, and if there was nothing to move
    followed: bool  # somebody else had started the task

    def to_dict(self) -> dict[str, Any]:
        task = self.task and {
            "state": self.task.state,
            "moved": self.task.moved,
            "to_move": self.task.to_move,
            "reason": self.task.reason,
            "followed": self.followed,
        }
        return {
            "function": self.function,
            "region": self.region,
            "dry_run": self.dry_run,
            "dead_letters": self.sample.to_dict(),
            "task": task,
        }


def command(
    function: FunctionOption = "",
    stack: StackOption = "",
    region: RegionOption = "",
    profile: ProfileOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the dead letters, and move nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Move all dead letters to the retry queue: each notifier that lacks a message is retried for four hours.

    A notifier does not get a message twice. Fix what `status` shows first.
    """
    with reporting_errors():
        with show_activity("Calling AWS"):
            deployed = find_stack(function, stack, region, profile)
        done = _dry_run(deployed) if dry_run else _redrive(deployed)
    if as_json:
        print_json(done.to_dict())
    else:
        _show(done, Screen())
    if done.task is not None and done.task.state != "COMPLETED":
        raise typer.Exit(NOT_COMPLETED)


def _dry_run(deployed: DeployedStack) -> Redrive:
    with show_activity("Reading the dead letters"):
        sample = dead_letters.take_sample(deployed, deployed.count(deployed.dead_letters).total)
    return Redrive(deployed.function, deployed.region, True, sample, None, False)


def _redrive(deployed: DeployedStack) -> Redrive:
    """Raises botocore's errors."""
    sample = DeadLetterSample(deployed.count(deployed.dead_letters).total, ())
    before = list_tasks(deployed)
    active = next((task for task in before if task.is_active), None)
    if active is None and not sample.total:
        return Redrive(deployed.function, deployed.region, False, sample, None, False)
    handle = active.handle if active else start(deployed)
    followed = active is not None or handle is None
    task = _wait(deployed, before, handle, followed)
    return Redrive(deployed.function, deployed.region, False, sample, task, followed)


def _wait(deployed: DeployedStack, before: Sequence[MoveTask], handle: str | None, followed: bool) -> MoveTask:
    """Wait until the task has ended.

    Ctrl-C ends only the waiting: to stop halfway is no safer, since messages that are refused again become dead letters
    again.
    """
    errors = Screen(stderr=True)
    task = None
    try:
        if followed:
            errors.print("A task is already moving the dead letters: waiting for it.")
        with progress_bar(errors) as progress:
            bar = progress.add_task("dead letters moved", total=None)
            for task in follow(deployed, before):
                progress.update(bar, completed=task.moved, total=task.to_move)
    except KeyboardInterrupt:
        text = "No longer waiting. SQS continues to move the dead letters; `redrive` waits for it again."
        if handle:
            text += f" To stop it: aws sqs cancel-message-move-task --task-handle {shlex.quote(handle)}"
        errors.print(text, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    assert task is not None
    return task


def _show(done: Redrive, screen: Screen) -> None:
    if done.task is None and not done.sample.total:
        screen.print("There are no dead letters: nothing to move.")
    elif done.task is None:
        screen.print(done.sample.table())
        screen.print("Without --dry-run, all of them would be moved to the retry queue; nothing was moved.")
    elif done.task.state == "COMPLETED":
        screen.print(_moved(done.task.moved), soft_wrap=True)
        if not done.followed and done.task.moved < done.sample.total:
            screen.print("Some are left: they were being read, or arrived later. Run it again.")
    else:
        reason = f": {done.task.reason}" if done.task.reason else ""
        rest = f"It moved {_count(done.task.moved)}; the others are still in the dead-letter queue."
        screen.print(f"The task is {done.task.state}{reason}. {rest}", soft_wrap=True)


def _count(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def _moved(moved: int) -> str:
    return (
        f"{_count(moved)} moved to the retry queue. The function reads them within a "
        "minute: only the notifiers that lack a message get it. "
        "`status` shows what is refused again."
    )
