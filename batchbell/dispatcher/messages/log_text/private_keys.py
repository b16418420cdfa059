"""Blanks private keys, which have many lines. Of a log's end, a key's first or last lines may be missing."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")  # RFC 7468, OpenPGP
_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
# A line of a key: all of it, or its last word where a logger writes the time before it. Fields of an encrypted key's
# head: RFC 1421, 4.6.
_BODY = re.compile(
    r"\s*[A-Za-z0-9+/=-]*|.*[A-Za-z0-9+/=]{40,}.*|.*\s[A-Za-z0-9+/]+={1,2}|.*(?:Proc-Type|DEK-Info|Comment|Version):.*"
)
# RFC 7468: 64 characters a line; OpenSSH writes 70. The letters are mixed; the digits of a hash are not.
_WHOLE_LINE = re.compile(
    r"(?:^|\s)(?=[^A-Z\s]*[A-Z])(?=[^a-z\s]*[a-z])(?=[^0-9\s]*[0-9])(?:[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70})$"
)


def without_private_keys(lines: Sequence[str], blank: str) -> list[str]:
    """Return the lines with `blank` for each key."""
    shown: list[str] = []
    rest, in_key = lines, False
    if first := _end_without_begin(lines):
        begins = next((number for number in range(first, 0, -1) if not _is_body(lines[number - 1])), 0)
        shown = [*lines[:begins], blank + _after_end(lines[first])]
        rest = lines[first + 1 :]
    for line in rest:
        text, in_key = _without_key(line, blank, in_key)
        shown.append(_WHOLE_LINE.sub(blank, text))
    return shown


def _end_without_begin(lines: Sequence[str]) -> int | None:
    """Return the number of the line that ends a key whose beginning is not among the lines."""
    for number, line in enumerate(lines):
        if _BEGINS.search(line):
            return None
        if _ENDS.search(line):
            return number
    return None


def _is_body(line: str) -> bool:
    return bool(line.strip()) and _BODY.fullmatch(line) is not None


def _after_end(line: str) -> str:
    return _ENDS.split(line, maxsplit=1)[-1]


def _without_key(line: str, blank: str, in_key: bool) -> tuple[str, bool]:
    """Return the line without its part of a key, and whether the key goes on after it."""
    begins, ends = _BEGINS.search(line), _ENDS.search(line)
    if in_key:
        if not ends and not _BODY.fullmatch(line):
            return line, False  # the key's end was lost
        return (_after_end(line), False) if ends else ("", True)
    if not begins:
        return line, False
    return line[: begins.start()] + blank + (_after_end(line) if ends else ""), ends is None
