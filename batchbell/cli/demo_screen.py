"""What the demo shows at its end: the counts side by side, and what the channels really hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from batchbell.local.rehearsal import Rehearsal

CHANNELS = {"slack": "Slack messages", "email": "mails", "sns": "SNS notifications"}


def show(runs: Sequence[Rehearsal], console: Console) -> None:
    """Print the table of all runs, and what the first one's channels received."""
    console.print()
    console.print(_table(runs))
    console.print()
    received = runs[0].received
    for payload in received.slack:
        console.print(_panel("Slack received", _slack(payload)))
    for mail in received.email:
        console.print(_panel("The mailbox received", _mail(mail)))
    for notification in received.sns:
        console.print(_panel("The SNS subscriber received", _notification(notification)))
    total = sum(run.seconds["total"] for run in runs)
    console.print(f"Counted on local AWS in {total:.1f} s; everything that ran is stopped again.", highlight=False)


def _table(runs: Sequence[Rehearsal]) -> Table:
    table = Table(title="One array job: what fired, what arrived", title_justify="left", title_style="bold")
    table.add_column("")
    for run in runs:
        table.add_column("on " + {"FARGATE": "Fargate"}.get(run.platform, run.platform), justify="right")
    table.add_row("children", *(str(run.children) for run in runs))
    table.add_row("finished events", *(str(run.events) for run in runs), end_section=True)
    table.add_row("rule: every finished job", *(_fired(run, "every-job") for run in runs))
    table.add_row("rule: the tutorial's containerInstanceArn filter", *(_fired(run, "tutorial") for run in runs))
    table.add_row("rule: parents only (this stack)", *(_fired(run, "parent-only") for run in runs), end_section=True)
    for name, label in CHANNELS.items():
        table.add_row(label, *(_exact(run.messages[name]) for run in runs))
    return table


def _fired(run: Rehearsal, rule: str) -> str:
    times = run.fired[rule]
    return f"[green]{times}[/green]" if times == 1 else f"[yellow]{times}[/yellow]"


def _exact(number: int) -> str:
    return f"[green]{number}[/green]" if number == 1 else f"[red]{number}[/red]"


def _panel(title: str, text: str) -> Panel:
    # Text, not markup: what a job wrote must not be read as rich's own.
    return Panel(Text(text.strip()), title=title, title_align="left", border_style="dim")


def _slack(payload: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for block in payload.get("blocks", []):
        if block["type"] == "header":
            lines += [block["text"]["text"], ""]
            continue
        if "text" in block:
            lines.append(block["text"]["text"])
        fields = [field["text"] for field in block.get("fields", [])]
        pairs = zip(fields[::2], fields[1::2], strict=False)
        lines += [f"  {label.strip('*')}: {value}" for label, value in pairs]
        lines += [f"  {fields[-1]}"] if len(fields) % 2 else []
        lines += [element["text"] for element in block.get("elements", [])]
    return "\n".join(lines)


def _mail(mail: Mapping[str, Any]) -> str:
    recipients = ", ".join(mail["To"])
    return f"From: {mail['Source']}\nTo: {recipients}\nSubject: {mail['Subject']}\n\n{mail['BodyText']}"


def _notification(notification: Mapping[str, Any]) -> str:
    return f"Subject: {notification.get('Subject', '')}\n\n{notification['Message']}"
