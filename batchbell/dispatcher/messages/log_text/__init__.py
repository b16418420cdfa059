"""Makes the lines of a job's log fit to be shown: no control sequences, no overlong lines, no secrets of known shapes.

The log is whatever the job printed. Blanking secrets helps where somebody prints one by mistake; it is no guarantee,
since a secret may look like anything.
"""

from __future__ import annotations

import re

from batchbell.dispatcher.messages.log_text.private_keys import without_private_keys
from batchbell.dispatcher.messages.log_text.secret_assignments import without_assignments
from batchbell.dispatcher.messages.log_text.secret_shapes import without_shapes
from batchbell.texts import indented_line

BLANK = "[secret]"

# ECMA-48: control sequences, control strings (OSC, DCS, SOS, PM, APC) up to their end or the line's, two-byte escapes.
_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c|$)"
    "|\x1b[ -/]*[0-~]?"
)
RAW_LIMIT = 1_000  # characters of a line that are looked at: an event may have a million
LINES_LIMIT = 100  # that are looked at: an event may have thousands
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def presentable(lines: list[str]) -> list[str]:
    """Return the lines without what could work in a terminal or give a secret away. Empty lines are left out."""
    filled = [line for raw in lines for line in raw.split("\n") if line.strip()]
    shown = [_visible(line) for line in filled[-LINES_LIMIT:]]
    shown = without_private_keys(shown, BLANK)
    shown = [without_shapes(line, BLANK) for line in shown]
    shown = without_assignments(shown, BLANK)
    return [text for text in map(indented_line, shown) if text.strip()]


def _visible(line: str) -> str:
    """Return what a terminal would show: the last of what a carriage return overwrote, no escapes, no backspaces."""
    line = _ESCAPES.sub("", _beginning(line.rstrip("\r").rpartition("\r")[2]))
    shown: list[str] = []
    for letter in line if "\x08" in line else ():
        if letter != "\x08":
            shown.append(letter)
        elif shown:
            shown.pop()
    # What separates an environment's variables in /proc is no part of a name or a value.
    return _CONTROL.sub(" ", ("".join(shown) if shown else line).replace("\t", "    "))


def _beginning(line: str) -> str:
    """Cut an overlong line between two words: of a secret that is cut, its beginning would be shown."""
    if len(line) <= RAW_LIMIT:
        return line
    kept = line[:RAW_LIMIT]
    return kept.rpartition(" ")[0] or kept
