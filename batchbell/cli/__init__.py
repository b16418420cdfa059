"""The command line: `batchbell COMMAND`, or `python -m batchbell COMMAND`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from batchbell.checked_output import checked_output
from batchbell.cli import explain, new_notifier, preview, redrive, replay, rerun, send_test, status
from batchbell.texts import one_line

PROGRAM = "batchbell" if Path(sys.argv[0]).stem == "batchbell" else "python -m batchbell"

UsageError: Any = typer.BadParameter.__base__  # of typer's own click, or of click, by typer's version


class _Commands(TyperGroup):
    """Checks all output, and cleans usage errors, which Typer prints itself: arguments may be others' file names."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        with checked_output():
            return super().main(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _harmless_usage_errors():
            return super().make_context(*arguments, **options)

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
for _module in (explain, preview, send_test, replay, status, redrive, rerun, new_notifier):
    _name = _module.__name__.rpartition(".")[2].replace("_", "-")
    app.command(_name, epilog=_module.EPILOG.replace("batchbell ", f"{PROGRAM} "))(_module.command)
