"""Renders a message as an HTML page for mail programs.

It is standard HTML with tables and inline styles, since mail programs support little else. It works on a phone (nothing
is wider than the screen, long words break) and in dark mode: background and text have the reader's own colours, and our
colours are readable on white and on black.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from batchbell.contract import Command, DigestEntry, Fact, FailureGroup, Link, Message, Severity
from batchbell.texts import describe_children, describe_job, headline

COLOURS = {  # of the line beside the text: a contrast of at least 3 on white and on black (WCAG 2.2, 1.4.11)
    Severity.SUCCESS: "#2e9e5b",
    Severity.FAILURE: "#e0454d",
    Severity.WARNING: "#c98500",
    Severity.INFO: "#4a90d9",
}
LINK_COLOUR = "#1976d2"  # a contrast of at least 4.5 on white and on black (WCAG 2.2, 1.4.3)
WIDTH = 600  # pixels at most: mail programs show these without scrolling
FONT = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def render_page(message: Message) -> str:
    """Return the HTML of a tidy message."""
    rows = [
        _row(_head(message), f"border-left:4px solid {COLOURS[message.severity]};padding:2px 0 2px 12px"),
        *(_row(f"<em>{escape(note)}</em>", "padding:12px 0 0;word-break:break-word") for note in message.notes),
        *(_row(_failure(group), "padding:12px 0 0;word-break:break-word") for group in message.failures),
        _table(_job(job) for job in message.jobs),
        *(_row(_command(command), "padding:12px 0 0") for command in message.commands),
        _table(_fact(fact) for fact in message.facts),
        _row(" &middot; ".join(_link(link) for link in message.links), "padding:16px 0 0") if message.links else "",
    ]
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{escape(message.title)}</title>
</head>
<body style="margin:0;padding:16px;font:15px/1.45 {FONT}">
<table role="presentation" style="width:100%;max-width:{WIDTH}px;border-collapse:collapse">
{"".join(rows)}</table>
</body>
</html>
"""


def _row(content: str, style: str) -> str:
    return f'<tr><td style="{style}">{content}</td></tr>\n'


def _table(rows: Iterable[str]) -> str:
    """Return a nested table in a row of the page, or nothing without rows."""
    inner = "".join(rows)
    table = f'<table style="border-collapse:collapse">\n{inner}</table>'
    return _row(table, "padding:16px 0 0") if inner else ""


def _head(message: Message) -> str:
    return (
        f'<h1 style="margin:0;font-size:19px;line-height:1.3;word-break:break-word">{escape(message.title)}</h1>'
        f'<p style="margin:4px 0 0;word-break:break-word">{escape(message.summary)}</p>'
    )


def _fact(fact: Fact) -> str:
    return (
        '<tr><th scope="row" style="padding:2px 16px 2px 0;font-weight:600;text-align:left;vertical-align:top">'
        f'{escape(fact.label)}</th><td style="padding:2px 0;vertical-align:top;word-break:break-word">'
        f"{escape(fact.value)}</td></tr>\n"
    )


def _job(job: DigestEntry) -> str:
    return (
        f'<tr><td style="border-left:4px solid {COLOURS[job.severity]};padding:2px 12px;word-break:break-word">'
        f"{escape(describe_job(job))}</td>"
        f'<td style="padding:2px 0;vertical-align:top">{_link(job.link) if job.link else ""}</td></tr>\n'
    )


def _failure(group: FailureGroup) -> str:
    details = [escape(describe_children(group)), _link(group.log) if group.log else ""]
    lines = [
        f"<strong>{escape(headline(group))}</strong>",
        " &middot; ".join(filter(None, details)),
        escape(group.meaning),
        escape(group.log_problem),
    ]
    return "<br>".join(filter(None, lines)) + (_box(group.log_lines) if group.log_lines else "")


def _command(command: Command) -> str:
    return f"{escape(command.label)}:{_box([command.line])}"


def _box(lines: Sequence[str]) -> str:
    style = "margin:6px 0 0;padding:8px;border:1px solid #8a8a8a;font:12px/1.4 Consolas,Menlo,monospace"
    text = "\n".join(escape(line) for line in lines)
    return f'<pre style="{style};white-space:pre-wrap;word-break:break-word">{text}</pre>'


def _link(link: Link) -> str:
    return f'<a href="{escape(link.url)}" style="color:{LINK_COLOUR}">{escape(link.label)}</a>'
