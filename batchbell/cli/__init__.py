"""The command line: `batchbell COMMAND`, or `python -m batchbell COMMAND`."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from batchbell.checked_output import checked_output
from batchbell.texts import one_line

PROGRAM = "batchbell" if Path(sys.argv[0]).stem == "batchbell" else "python -m batchbell"

# By command: the first paragraph of its help, so that the list of all commands imports none of them.
SUMMARIES = {
    "explain": "Show whether the stack's rule matches an event, if not why not, and what each notifier would send.",
    "preview": "Write an HTML page with every kind of message from every notifier of a stack, as its channel would "
    "show it.",
    "send-test": "Send a marked test message through the deployed queue and function, and show what happens at each "
    "notifier.",
    "replay": "Put a real event into the deployed intake queue, and show what happens at each notifier.",
    "status": "Show the queues, the dead letters with their reasons, and when each notifier last delivered. Changes "
    "nothing.",
    "redrive": "Move all dead letters to the retry queue: each notifier that lacks a message is retried for four "
    "hours.",
    "rerun": "Run the failed children of an array job again, and no others: each has the index that it had.",
    "new-notifier": "Create a notifier of your own: a distribution in DIR that posts JSON to a webhook, with tests "
    "that pass.",
}

UsageError: Any = typer.BadParameter.__base__  # of typer's own click, or of click, by typer's version


class _Commands(TyperGroup):
    """Imports only the command that is called.

    Checks all output, and cleans usage errors, which Typer prints itself: arguments may be others' file names.
    """

    def main(self, *arguments: Any, **options: Any) -> Any:
        with checked_output():
            return super().main(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _harmless_usage_errors():
            return super().make_context(*arguments, **options)

    def resolve_command(self, *arguments: Any) -> Any:
        name, command, rest = super().resolve_command(*arguments)
        return name, _load(name) if name else command, rest

    def invoke(self, ctx: Any) -> Any:
        with _harmless_usage_errors():
            return super().invoke(ctx)


@contextlib.contextmanager
def _harmless_usage_errors() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        error.message = one_line(error.message)
        raise


app = typer.Typer(
    cls=_Commands,
    help="Send one message when a whole AWS Batch array job has finished.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _registered() -> None:
    """Stands for a command until that is called: see `_Commands.resolve_command`."""


for _name, _summary in SUMMARIES.items():
    app.command(_name, help=_summary)(_registered)


def _load(name: str) -> Any:
    """Return the command of the module with this name."""
    module = importlib.import_module(f"batchbell.cli.{name.replace('-', '_')}")
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    single.command(name, epilog=module.EPILOG.replace("batchbell ", f"{PROGRAM} "))(module.command)
    return typer.main.get_command(single)
