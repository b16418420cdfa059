"""Finds the fields of an event that do not match an event pattern. Knows only the operators that our patterns use.

EventBridge matches a field if any value in the pattern's list matches: a literal, {"prefix": …} or {"exists": …}
(Amazon EventBridge User Guide, "Comparison operators"). `exists` works only on leaves; `exists: false` also matches if
the whole object is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SHOWN = 120  # characters of a value


def find_mismatched_fields(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the fields that do not match, such as "detail.status", each with the reason."""
    return {
        ".".join(path): _explain(values, alternatives)
        for path, alternatives in _fields(pattern, ())
        for values in [_leaves(event, path)]
        if not any(_matches(values, alternative) for alternative in alternatives)
    }


def split_pattern(pattern: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the patterns one of which must match: a branch of `$or` adds its fields to those outside of it.

    Only at the top of a pattern, as `components.event_patterns` writes it (EventBridge User Guide, "Or matching").
    """
    if "$or" not in pattern:
        return [pattern]
    outside = {field: value for field, value in pattern.items() if field not in ("$or", "detail")}
    shared = pattern.get("detail", {})
    return [{**outside, **branch, "detail": {**shared, **branch.get("detail", {})}} for branch in pattern["$or"]]


def _fields(pattern: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for key, value in pattern.items():
        if isinstance(value, Mapping):
            yield from _fields(value, (*path, key))
        else:
            yield (*path, key), value


def _leaves(event: Any, path: tuple[str, ...]) -> list[Any]:
    """Return the values at a path, for an array those of each element. An object is not a value."""
    if isinstance(event, list):
        return [leaf for element in event for leaf in _leaves(element, path)]
    if not path:
        return [] if isinstance(event, Mapping) else [event]
    return _leaves(event[path[0]], path[1:]) if isinstance(event, Mapping) and path[0] in event else []


def _matches(values: list[Any], alternative: Any) -> bool:
    if not isinstance(alternative, Mapping):
        return any(value == alternative and type(value) is type(alternative) for value in values)
    ((operator, operand),) = alternative.items()
    match operator:
        case "exists":
            return bool(values) is bool(operand)
        case "prefix":
            return any(isinstance(value, str) and value.startswith(operand) for value in values)
    raise ValueError(f"the operator {operator!r} does not occur in this project's patterns")


def _explain(values: list[Any], alternatives: list[Any]) -> str:
    got = ", ".join(_short(json.dumps(value, ensure_ascii=False)) for value in values) or "missing"
    return f"it is {got}, but the rule matches {' or '.join(map(_describe, alternatives))}"


def _describe(alternative: Any) -> str:
    if not isinstance(alternative, Mapping):
        return _short(json.dumps(alternative, ensure_ascii=False))
    ((operator, operand),) = alternative.items()
    if operator == "exists":
        return "any value" if operand else "only if it is missing"
    return f"a value that begins with {_short(json.dumps(operand, ensure_ascii=False))}"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
