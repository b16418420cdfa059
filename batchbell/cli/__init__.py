"""What operators type: `python -m batchbell COMMAND`."""

from __future__ import annotations

import typer

from batchbell.cli import explain, new_notifier, preview, redrive, replay, send_test, status

app = typer.Typer(
    help="One message when a whole AWS Batch array job is done.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("explain", epilog=explain.EPILOG)(explain.command)
app.command("preview", epilog=preview.EPILOG)(preview.command)
app.command("send-test", epilog=send_test.EPILOG)(send_test.command)
app.command("replay", epilog=replay.EPILOG)(replay.command)
app.command("status", epilog=status.EPILOG)(status.command)
app.command("redrive", epilog=redrive.EPILOG)(redrive.command)
app.command("new-notifier", epilog=new_notifier.EPILOG)(new_notifier.command)
