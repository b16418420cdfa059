"""Reads YAML as the Pulumi CLI does, whose parser is go-yaml v3: YAML 1.2 with a few words of YAML 1.1.

`on` and `yes` stay text, `<<` merges, 0x1F and 1_000 are numbers, unknown tags mean nothing, a key may stand only once.
tests/batchbell/test_read_as_by_the_cli.py compares it with the CLI.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

__all__ = ["InvalidYaml", "read_yaml"]

_YAML = "tag:yaml.org,2002:"
_MERGE = f"{_YAML}merge"
_CHECKED = {f"{_YAML}{name}" for name in ("bool", "int", "float", "timestamp", "null")}
# libyaml, which go-yaml is a translation of; without it PyYAML's own parser, which refuses tabs after a colon. What it
# parses is composed in Python, since libyaml's composer refuses an anchor that stands twice.
_PARSERS: Any = (yaml.composer.Composer, yaml.CSafeLoader) if hasattr(yaml, "CSafeLoader") else (yaml.SafeLoader,)

# go-yaml, resolve.go. `_` may stand anywhere after the first digit.
_INTEGER = r"[-+]?(?:0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*|0[bB]_*[01][01_]*|0[oO]_*[0-7][0-7_]*|[0-9][0-9_]*)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9][0-9_]*)?"
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})(?:\.(?P<fraction>[0-9]+))?"
_DATE = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
_TIMESTAMPS = (_DATE, rf"{_DATE} {_CLOCK}", rf"{_DATE}[Tt]{_CLOCK}(?P<zone>Z|[-+][0-9]{{2}}:[0-9]{{2}})")
_TIMESTAMP = "|".join(re.sub(r"\?P<[a-z]+>", "?:", pattern) for pattern in _TIMESTAMPS)
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1  # an integer beyond them is read as a float
_LEAP_YEAR = "2000"


class InvalidYaml(Exception):
    """The file cannot be read as YAML; the text shows no value."""


class _Loader(*_PARSERS):  # type: ignore[misc]  # which of two is known only when it runs
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own attribute

    def __init__(self, content: bytes) -> None:
        _PARSERS[-1].__init__(self, content)
        self.anchors: dict[str, yaml.Node] = {}

    def compose_document(self) -> Any:
        start = self.peek_event()
        if start.version not in (None, (1, 1)):
            raise yaml.MarkedYAMLError(problem="go-yaml knows only %YAML 1.1", problem_mark=start.start_mark)
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        """An anchor that stands again names another node from there on."""
        if not self.check_event(yaml.AliasEvent):
            self.anchors.pop(self.peek_event().anchor, None)
        return super().compose_node(parent, index)


def read_yaml(file: Path) -> Any:
    """Read the first document of a file, in UTF-8, or in UTF-16 if it has a byte order mark.

    Raises InvalidYaml, and OSError.
    """
    try:
        loader = _Loader(file.read_bytes())
        try:
            node = loader.get_node() if loader.check_node() else None
            if node is None:
                return None
            _check(loader, node, set(), set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InvalidYaml(f"{file.name}{where}: not valid YAML") from None
    except RecursionError:
        raise InvalidYaml(f"{file.name}: not valid YAML: nested too deeply") from None


def _check(loader: Any, node: yaml.Node, above: set[yaml.Node], done: set[yaml.Node]) -> None:
    """Refuse what go-yaml does: a key that stands twice, an anchor that contains itself, a text that its tag denies.

    A merge key in quotes merges as well.
    """
    if node in above:
        raise _problem("an anchor contains itself", node)
    if node in done:
        return
    if isinstance(node, yaml.ScalarNode):
        meant = loader.resolve(yaml.ScalarNode, node.value, (True, False))
        if node.tag in _CHECKED and node.tag != meant and (node.tag, meant) != (f"{_YAML}float", f"{_YAML}int"):
            raise _problem("the value is not of its tag's type", node)
        return
    node.tag = f"{_YAML}map" if isinstance(node, yaml.MappingNode) else f"{_YAML}seq"  # whatever the file says
    inner: list[yaml.Node] = list(node.value)
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in keys:
                raise _problem("a key stands twice", key)
            keys.add(key.value)
            if key.value == "<<":
                key.tag = _MERGE
                if isinstance(value, yaml.SequenceNode) and value.start_mark.index < key.start_mark.index:
                    raise _problem("an alias of a list cannot be merged", key)
        inner = [part for pair in node.value for part in pair]
    for part in inner:
        _check(loader, part, above | {node}, done)
    done.add(node)


def _problem(text: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)


def _integer(loader: Any, node: yaml.ScalarNode) -> int | float | str:
    text = node.value.replace("_", "").lower()
    digits = text.lstrip("+-")
    bases = {"0x": 16, "0b": 2, "0o": 8}
    is_octal = re.fullmatch("0[0-7]+", digits) is not None
    number = int(text, bases.get(digits[:2], 8 if is_octal else 10))
    if _SMALLEST <= number <= _LARGEST:
        return number
    return str(node.value) if digits[:2] in bases else _number(float(text))


def _float(loader: Any, node: yaml.ScalarNode) -> int | float | str:
    if not re.search("[0-9]", node.value):  # infinity, or not a number
        raise _problem("JSON has no such number", node)
    number = float(node.value.replace("_", ""))
    if number in (float("inf"), float("-inf")):
        return str(node.value)  # 1e400
    return _number(number)


def _number(number: float) -> int | float:
    """Return an integer where Go writes one: 1e3 is 1000, and 2**64 is 18446744073709552000."""
    return int(Decimal(repr(number))) if number.is_integer() and abs(number) < 1e21 else number


def _timestamp(loader: Any, node: yaml.ScalarNode) -> str:
    """Return the text that Go makes of a time, such as "2026-11-23 00:00:00 +0000 UTC"."""
    found = next(filter(None, (re.fullmatch(pattern, node.value) for pattern in _TIMESTAMPS)), None)
    parts = {name: text for name, text in found.groupdict().items() if text} if found else {}
    names = ("month", "day", "hour", "minute", "second")
    month, day, hour, minute, second = (int(parts.get(name, 0)) for name in names)
    try:
        # Python's years begin with 1, Go's with 0, which is a leap year.
        datetime(int(parts["year"].replace("0000", _LEAP_YEAR)), month, day, hour, minute, second)
    except ValueError:  # such as a 13th month
        return str(node.value)
    fraction = f".{parts.get('fraction', '')[:9]}".rstrip("0").rstrip(".")
    zone = parts.get("zone", "Z").replace("Z", "+0000").replace(":", "")
    name = "UTC" if zone == "+0000" else zone
    return f"{parts['year']}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction} {zone} {name}"


def _binary(loader: Any, node: yaml.ScalarNode) -> str:
    try:
        return base64.b64decode("".join(node.value.split()), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        raise _problem("not base64", node) from None


def _untagged(loader: Any, node: yaml.ScalarNode) -> Any:
    """A tag that go-yaml does not know means nothing."""
    return loader.construct_scalar(node)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", _INTEGER, "-+0123456789"),
    ("float", rf"{_FLOAT}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789"),
    ("timestamp", _TIMESTAMP, "0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"{_YAML}{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
_CONSTRUCTORS: dict[str | None, Any] = {
    f"{_YAML}int": _integer,
    f"{_YAML}float": _float,
    f"{_YAML}timestamp": _timestamp,
    f"{_YAML}binary": _binary,
    None: _untagged,  # every other tag
}
for _name, _construct in _CONSTRUCTORS.items():
    _Loader.add_constructor(_name, _construct)
