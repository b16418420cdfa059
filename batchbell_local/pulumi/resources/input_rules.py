"""Checks of inputs as data: `between("delaySeconds", 0, 900)`. Unknown and absent values pass.

Paths reach into objects and lists: "retryStrategy.evaluateOnExits[].action".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import CheckFailure
from .property_values import UNKNOWN

Rule = Callable[[Mapping[str, Any]], Iterator[CheckFailure]]

ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:(\d{12}|aws|):.+", re.ASCII)


def find(inputs: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The known values at a path, each with its own path, which has the list indexes."""
    found: list[tuple[str, Any]] = [("", inputs)]
    for step in path.split("."):
        name, many = step.removesuffix("[]"), step.endswith("[]")
        found = [
            (f"{where}.{name}" if where else name, value[name])
            for where, value in found
            if isinstance(value, Mapping) and value.get(name) is not None
        ]
        if many:
            found = [
                (f"{where}[{index}]", item)
                for where, value in found
                if isinstance(value, list)
                for index, item in enumerate(value)
            ]
    yield from ((where, value) for where, value in found if value != UNKNOWN)


def satisfies(path: str, holds: Callable[[Any], bool], wanted: str) -> Rule:
    """Each value at the path must satisfy `holds`; `wanted` describes it. Values are not shown: they may be secret."""

    def rule(inputs: Mapping[str, Any]) -> Iterator[CheckFailure]:
        for where, value in find(inputs, path):
            if not holds(value):
                yield CheckFailure(where, f"must be {wanted}")

    return rule


def between(path: str, low: float, high: float) -> Rule:
    return satisfies(path, lambda value: low <= _number(value) <= high, f"between {low} and {high}")


def at_least(path: str, low: float) -> Rule:
    return satisfies(path, lambda value: _number(value) >= low, f"at least {low}")


def matches(path: str, pattern: str) -> Rule:
    compiled = re.compile(pattern, re.ASCII)
    return satisfies(path, lambda value: compiled.fullmatch(str(value)) is not None, f"text that matches {pattern}")


def one_of(path: str, *values: str | int, ignore_case: bool = False) -> Rule:
    accepted = {str(value).upper() if ignore_case else value for value in values}
    return satisfies(
        path,
        lambda value: (str(value).upper() if ignore_case else value) in accepted,
        "one of " + ", ".join(map(str, values)),
    )


def arn(path: str) -> Rule:
    return satisfies(path, lambda value: ARN.fullmatch(str(value)) is not None, "an ARN")


def no_longer_than(path: str, characters: int) -> Rule:
    return satisfies(path, lambda value: len(str(value)) <= characters, f"at most {characters} characters")


def no_more_than(path: str, items: int) -> Rule:
    return satisfies(path, lambda value: len(value) <= items, f"at most {items} items")


def json_text(path: str) -> Rule:
    return satisfies(path, _is_json, "a JSON document")


def needs_one_of(*names: str) -> Rule:
    """At least one of these top-level inputs must be set; unknown values count."""

    def rule(inputs: Mapping[str, Any]) -> Iterator[CheckFailure]:
        if not any(inputs.get(name) is not None for name in names):
            yield CheckFailure(names[0], f"is required unless {' or '.join(names[1:])} is set")

    return rule


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping | list):
        return True
    try:
        json.loads(value)
    except (TypeError, ValueError):
        return False
    return True
