"""The command line: `batchbell COMMAND`, or `python -m batchbell COMMAND`."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from batchbell.cli import explain, new_notifier, preview, redrive, replay, send_test, status

PROGRAM = "batchbell" if Path(sys.argv[0]).stem == "batchbell" else "python -m batchbell"

app = typer.Typer(
    help="Send one message when a whole AWS Batch array job has finished.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for _module in (explain, preview, send_test, replay, status, redrive, new_notifier):
    _name = _module.__name__.rpartition(".")[2].replace("_", "-")
    app.command(_name, epilog=_module.EPILOG.replace("batchbell ", f"{PROGRAM} "))(_module.command)
