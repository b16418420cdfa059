"""The preview as one HTML page that fetches nothing: every message in every notifier, light and dark.

What comes from a message or a plug-in is escaped, or stands in a frame whose sandbox runs no script; the page's policy
allows its own script alone, no image and no address.
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

# Links open beside the page: what they lead to is not sandboxed, and cannot reach back.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
BASE = '<base target="_blank">'


@dataclass(frozen=True)
class Drawing:
    """One notifier's drawing of one message. `left_out`: the notifier's filters do not take it; `problem`: why it could
    not be drawn."""

    notifier: str
    type: str
    parts: Sequence[Part] = ()
    left_out: bool = False
    problem: str = ""


@dataclass(frozen=True)
class PreviewRow:
    """One message, drawn by every notifier. `title`: what happened."""

    title: str
    message: Message
    shown: Sequence[Drawing]


def write_page(title: str, about: str, rows: Sequence[PreviewRow]) -> str:
    """The page. `about`: one line below the title."""
    style, script = _read("preview_page.css"), _read("preview_page.js")
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
{"".join(_draw_notifier(shown) for shown in row.shown)}</div>
</section>
"""


def _draw_notifier(shown: Drawing) -> str:
    left_out = '<p class="left-out">Not sent: its filters do not take this message.</p>\n' if shown.left_out else ""
    problem = f'<p class="broken">{_text(shown.problem)}</p>\n' if shown.problem else ""
    parts = "".join(_draw_part(shown, part) for part in shown.parts)
    heading = f"<h3>{_text(shown.notifier)} <span>{_text(shown.type)}</span></h3>"
    return f"<article>\n{heading}\n{left_out}{problem}{parts}</article>\n"


def _draw_part(shown: Drawing, part: Part) -> str:
    facts = "".join(f"<dt>{_text(fact.label)}</dt><dd>{_text(fact.value)}</dd>" for fact in part.facts)
    if part.form is Form.HTML:
        name = html.escape(f"{shown.notifier}: {part.label}")
        body = f'<iframe sandbox="{SANDBOX}" title="{name}" srcdoc="{html.escape(BASE + part.body)}"></iframe>'
    else:
        body = f"<pre>{_text(part.body)}</pre>"
    described = f"<dl>{facts}</dl>" if facts else ""
    return f'<div class="part"><h4>{_text(part.label)}</h4>{described}{body}</div>\n'


def _text(text: str) -> str:
    return html.escape(text)


def _read(name: str) -> str:
    return (resources.files("batchbell.cli") / name).read_text("utf-8")
