"""Reads YAML as the Pulumi CLI does, whose parser is go-yaml v3: YAML 1.2 with a few words of YAML 1.1.

`on` and `yes` stay text, `<<` merges, 0x1F and 1_000 are numbers, unknown tags mean nothing, a key may stand only once.
tests/engine/test_stack_files.py compares it with the CLI.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

__all__ = ["InvalidYaml", "read_yaml"]

_MERGE = "tag:yaml.org,2002:merge"
# libyaml, which go-yaml is a translation of; without it PyYAML's own parser, which refuses tabs after a colon.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# go-yaml, resolve.go. `_` may stand anywhere after the first digit.
_INTEGER = r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
_TIMESTAMP = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2}))"
    r"|(?: [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?))?"
)
_LARGEST = 2**64 - 1  # a larger integer is read as a float


class InvalidYaml(Exception):
    """The file cannot be read as YAML; the text shows no value."""


class _Loader(_Parser):  # type: ignore[misc]  # which of two is known only when it runs
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own attribute


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
            _check(node, set(), set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InvalidYaml(f"{file.name}{where}: not valid YAML") from None
    except RecursionError:
        raise InvalidYaml(f"{file.name}: not valid YAML: nested too deeply") from None


def _check(node: yaml.Node, above: set[yaml.Node], done: set[yaml.Node]) -> None:
    """Refuse a key that stands twice and an anchor that contains itself; a merge key in quotes merges as well."""
    if node in above:
        raise _problem("an anchor contains itself", node)
    if node in done or isinstance(node, yaml.ScalarNode):
        return
    inner: list[yaml.Node] = list(node.value)
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in keys:
                raise _problem("a key stands twice", key)
            keys.add(key.value)
            if key.value == "<<":
                key.tag = _MERGE
        inner = [part for pair in node.value for part in pair]
    for part in inner:
        _check(part, above | {node}, done)
    done.add(node)


def _problem(text: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)


def _integer(loader: Any, node: yaml.ScalarNode) -> int | float:
    text = node.value.replace("_", "").lower()
    digits = text.lstrip("+-")
    bases = {"0x": 16, "0b": 2, "0o": 8}
    is_octal = re.fullmatch("0[0-7]+", digits) is not None
    number = int(text, bases.get(digits[:2], 8 if is_octal else 10))
    return number if abs(number) <= _LARGEST else float(number)


def _float(loader: Any, node: yaml.ScalarNode) -> int | float | str:
    if not re.search("[0-9]", node.value):  # infinity, or not a number
        raise _problem("JSON has no such number", node)
    number = float(node.value.replace("_", ""))
    if number in (float("inf"), float("-inf")):
        return str(node.value)  # 1e400
    return int(number) if number.is_integer() and abs(number) < 1e21 else number  # as Go writes it: 1e3 is 1000


def _timestamp(loader: Any, node: yaml.ScalarNode) -> str:
    """Return the text that Go makes of a time, such as "2026-11-23 00:00:00 +0000 UTC"."""
    try:
        time = yaml.SafeLoader.construct_yaml_timestamp(loader, node)
    except ValueError:  # such as a 13th month
        return str(node.value)
    if isinstance(time, date) and not isinstance(time, datetime):
        time = datetime(time.year, time.month, time.day, tzinfo=UTC)
    zone = time.strftime("%z") or "+0000"
    name = "UTC" if zone == "+0000" else zone
    fraction = f".{time.microsecond:06}".rstrip("0").rstrip(".")
    return f"{time:%Y-%m-%d %H:%M:%S}{fraction} {zone} {name}"


def _binary(loader: Any, node: yaml.ScalarNode) -> str:
    return str(yaml.SafeLoader.construct_yaml_binary(loader, node).decode("utf-8", "replace"))


def _untagged(loader: Any, node: yaml.Node) -> Any:
    """A tag that go-yaml does not know means nothing."""
    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case _:
            return loader.construct_mapping(node, deep=True)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", _INTEGER, "-+0123456789"),
    ("float", rf"{_FLOAT}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789"),
    ("timestamp", _TIMESTAMP, "0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
_CONSTRUCTORS: dict[str | None, Any] = {
    "tag:yaml.org,2002:int": _integer,
    "tag:yaml.org,2002:float": _float,
    "tag:yaml.org,2002:timestamp": _timestamp,
    "tag:yaml.org,2002:binary": _binary,
    "tag:yaml.org,2002:set": _untagged,
    None: _untagged,  # every other tag
}
for _name, _construct in _CONSTRUCTORS.items():
    _Loader.add_constructor(_name, _construct)
