"""Writes the preview as one HTML page that fetches nothing: every message from every notifier, light and dark.

Texts from messages and plug-ins are escaped, or shown in a sandboxed frame without scripts. The page's content security
policy allows only its own script, no image and no request.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from batchbell.contract import Message
from batchbell.preview import Form, Part

# Links open in a new tab, which is not sandboxed and cannot reach this page.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
BASE = '<base target="_blank">'


@dataclass(frozen=True)
class Drawing:
    """One message, drawn by one notifier."""

    notifier: str
    type: str
    parts: Sequence[Part] = ()
    left_out: bool = False  # by the notifier's filters
    problem: str = ""  # why it could not be drawn


@dataclass(frozen=True)
class PreviewRow:
    """One message, drawn by every notifier."""

    title: str  # what happened
    message: Message
    drawings: Sequence[Drawing]


def write_page(title: str, about: str, rows: Sequence[PreviewRow]) -> str:
    """Return the page. `about`: one line below the title."""
    style, script = _read("page.css"), _read("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; form-action 'none'"
    links = "".join(
        f'<a href="#kind-{number}" class="{row.message.severity.value}"><span class="dot"></span>{_text(row.title)}</a>'
        for number, row in enumerate(rows)
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{_text(title)}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{_text(title)}</h1><p>{_text(about)}</p></header>
<nav aria-label="Messages"><div>{links}</div></nav>
<main>
{"".join(_draw_row(number, row) for number, row in enumerate(rows))}</main>
<script>{script}</script>
</body>
</html>
"""


def _draw_row(number: int, row: PreviewRow) -> str:
    return f"""\
<section id="kind-{number}">
<h2 class="{row.message.severity.value}"><span class="dot"></span>{_text(row.title)}</h2>
<p>{_text(row.message.title)}</p>
<div class="channels">
{"".join(_draw_notifier(drawing) for drawing in row.drawings)}</div>
</section>
"""


def _draw_notifier(drawing: Drawing) -> str:
    left_out = '<p class="left-out">Not sent: its filters leave this message out.</p>\n' if drawing.left_out else ""
    problem = f'<p class="broken">{_text(drawing.problem)}</p>\n' if drawing.problem else ""
    parts = "".join(_draw_part(drawing, part) for part in drawing.parts)
    heading = f"<h3>{_text(drawing.notifier)} <span>{_text(drawing.type)}</span></h3>"
    return f"<article>\n{heading}\n{left_out}{problem}{parts}</article>\n"


def _draw_part(drawing: Drawing, part: Part) -> str:
    facts = "".join(f"<dt>{_text(fact.label)}</dt><dd>{_text(fact.value)}</dd>" for fact in part.facts)
    if part.form is Form.HTML:
        name = html.escape(f"{drawing.notifier}: {part.label}")
        body = f'<iframe sandbox="{SANDBOX}" title="{name}" srcdoc="{html.escape(BASE + part.body)}"></iframe>'
    else:
        body = f"<pre>{_text(part.body)}</pre>"
    described = f"<dl>{facts}</dl>" if facts else ""
    return f'<div class="part"><h4>{_text(part.label)}</h4>{described}{body}</div>\n'


def _text(text: str) -> str:
    return html.escape(text)


def _read(name: str) -> str:
    return (resources.files("batchbell.cli.rendering") / name).read_text("utf-8")
