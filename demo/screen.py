"""Prints the results of the demo: the counts side by side, and what each channel received."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from batchbell.terminal import Screen, line, to_json
from demo.print_color import PlatformRun, text_of

SLACK_LINK = re.compile(r"<(?P<url>https://[^|>]*)\|(?P<label>[^>]*)>")
SLACK_DATE = re.compile(r"<!date\^[0-9]+\^[^|>]*\|(?P<instead>[^>]*)>")
CHANNELS = {"slack": "Slack messages", "email": "mails", "sns": "SNS notifications"}


def show(runs: Sequence[PlatformRun], screen: Screen) -> None:
    """Print the counts of all runs, and the messages of the first one."""
    screen.print()
    screen.print(_table(runs))
    screen.print()
    received = runs[0].received
    for payload in received.slack:
        screen.print(_panel("Slack received", _slack(payload)))
    for mail in received.email:
        screen.print(_panel("The mailbox received", _mail(mail)))
    for notification in received.sns:
        screen.print(_panel("The SNS subscriber received", _notification(notification)))
    total = sum(run.seconds["total"] for run in runs)
    screen.print(f"Counted on local AWS in {total:.1f} s; everything has been stopped.")


def _table(runs: Sequence[PlatformRun]) -> Table:
    table = Table(title="One array job: what matched, what arrived", title_justify="left", title_style="bold")
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
    if all(run.rerun for run in runs):
        table.add_row("children run again", *(str(len(run.rerun.indexes)) for run in runs if run.rerun))
        table.add_row("… that then succeeded", *(str(run.rerun.succeeded) for run in runs if run.rerun))
    if all(run.watched for run in runs):
        watched = [run.watched for run in runs if run.watched]
        table.add_row("warnings of early failures", *(_exact(one.warnings.get("EARLY", 0)) for one in watched))
        table.add_row("live messages in Slack", *(_exact(one.board.posts) for one in watched))
        table.add_row("… edited", *(str(one.board.edits) for one in watched))
    return table


def _fired(run: PlatformRun, rule: str) -> Text:
    times = run.fired[rule]
    return line(str(times), style="green" if times == 1 else "yellow")


def _exact(number: int) -> Text:
    return line(str(number), style="green" if number == 1 else "red")


def _panel(title: str, text: Text) -> Panel:
    return Panel(text, title=title, title_align="left", border_style="dim")


def _slack(payload: Mapping[str, Any]) -> Text:
    """The blocks as lines."""
    lines: list[Text] = []
    for block in payload.get("blocks", []):
        if block["type"] == "header":
            lines.append(Text(block["text"]["text"], style="bold"))
            continue
        if block["type"] == "rich_text":
            lines += [Text(f"  | {one}", style="dim") for one in text_of({"blocks": [block]}).split("\n")]
            continue
        if "text" in block:
            lines.append(_with_links(block["text"]["text"]))
        fields = [_with_links(field["text"]) for field in block.get("fields", [])]
        for label, value in zip(fields[::2], fields[1::2], strict=False):
            lines.append(Text.assemble("  ", (label.plain.strip("*"), "dim"), "  ", value))
        lines += [Text.assemble("  ", fields[-1])] if len(fields) % 2 else []
        lines += [_element(element) for element in block.get("elements", [])]
    return Text("\n").join(lines)


def _element(element: Mapping[str, Any]) -> Text:
    """A button, or a line of small print."""
    if element["type"] == "button":
        return Text("  ▸ ").append(element["text"]["text"], style=_linked(element["url"]))
    return _with_links(element["text"])


def _with_links(text: str) -> Text:
    """Slack's <url|label> as the label, linked to the URL in terminals that support links; dates as in old clients."""
    text = SLACK_DATE.sub(r"\g<instead>", text)
    shown, last = Text(), 0
    for link in SLACK_LINK.finditer(text):
        shown.append(text[last : link.start()]).append(link["label"], style=_linked(link["url"]))
        last = link.end()
    return shown.append(text[last:])


def _linked(url: str) -> Style:
    return Style(underline=True, link=url)


def _mail(mail: Mapping[str, Any]) -> Text:
    head = f"From: {mail['Source']}\nTo: {', '.join(mail['To'])}\nSubject: {mail['Subject']}\n\n"
    return Text(head + mail["BodyText"].replace("\r\n", "\n").strip())


def _notification(notification: Mapping[str, Any]) -> Text:
    """The JSON that a program's subscription receives: its top-level strings, and the names of the other fields."""
    message = json.loads(notification["Message"])
    fields = {name: value for name, value in message.items() if isinstance(value, str)}
    attributes = {name: value["Value"] for name, value in notification.get("MessageAttributes", {}).items()}
    rest = f"… and {', '.join(name for name in message if name not in fields)}"
    body = to_json(fields, indent=2)
    return Text(f"Subject: {notification.get('Subject', '')}\nAttributes: {json.dumps(attributes)}\n\n{body}\n{rest}")
