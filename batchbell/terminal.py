"""The gate to a terminal: all that a command prints goes through a `Screen` or `print_json`.

Texts of jobs, channels, AWS, stack files and plug-ins may be hostile: an escape sequence renames the window, puts a
false link under a text or overwrites what stands above it; a mark of direction lets one name look like another. Only
line breaks and this program's own styles and links pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

__all__ = ["Screen", "block", "harmless", "line", "print_json", "to_json"]

# Control characters (C0 but the line break, DEL, C1), line separators, lone surrogates, and marks that are not seen: of
# direction, of width 0 but the joiners that some scripts and emoji need, and tags.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_BREAKS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_LINK = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!-~]*)?")

Part = str | tuple[str, str]  # a text, or a text and its style


class Screen(Console):
    """A terminal, or a file in its place. A str is one line of plain text, without markup; see `line` and `block`."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a line of a str; rich calls this for each one that is printed, also in a table."""
        return super().render_str(_LINE_BREAKS.sub(" ", text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render the texts of whatever is printed; rich calls this for each part."""
        return map(_pass, super().render(renderable, options))


def line(*parts: Part, style: str = "") -> Text:
    """Return one line with styles."""
    texts = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((_LINE_BREAKS.sub(" ", text), style) for text, style in texts), style=style)


def block(text: str, style: str = "") -> Text:
    """Return a text of several lines."""
    return Text(text, style)


def harmless(text: str) -> str:
    """Remove what must not reach a terminal. What takes up a column is replaced, so that tables stay straight."""
    return _UNSAFE.sub(lambda found: "\ufffd" if cell_len(found[0]) else "", text)


def print_json(value: Any) -> None:
    """Print one line of JSON in ASCII on standard output, which every encoding has."""
    typer.echo(_UNSAFE.sub(_escape, json.dumps(value)))


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON in which what must not reach a terminal is escaped; all else is readable."""
    return _UNSAFE.sub(_escape, json.dumps(value, indent=indent, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]  # in JSON without indentation, these characters are only in strings


def _pass(segment: Segment) -> Segment:
    if segment.control:  # rich's own, such as the moves of the cursor below a progress bar
        return segment
    style = segment.style
    if style is not None and style.link is not None and not _LINK.fullmatch(style.link):
        style = style.update_link(None)
    return Segment(harmless(segment.text), style)
