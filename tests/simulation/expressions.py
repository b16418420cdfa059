"""Evaluates the expressions of DynamoDB that the ledger uses: conditions, and SET and REMOVE.

Source: DynamoDB Developer Guide, "Condition and filter expressions", "Update expressions".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Row = Mapping[str, dict[str, Any]]
Names = Mapping[str, str]
Condition = Callable[[Row, Names, Row], bool]
Operand = Callable[[Row, Names, Row], "dict[str, Any] | None"]
Update = Callable[[Row, Names, Row], dict[str, dict[str, Any]]]

_TOKEN = re.compile(r"\s*(attribute_not_exists|attribute_exists|if_not_exists|<>|<=|>=|[#:]?\w+|[=<>(),+-])")
_COMPARISONS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Unsupported(Exception):
    """An expression that this model does not know."""


@lru_cache(maxsize=1_000)
def condition(text: str) -> Condition:
    """Parse a ConditionExpression. It takes the row, the names and the values."""
    parser = _Parser(text)
    parsed = parser.either()
    parser.end()
    return parsed


@lru_cache(maxsize=1_000)
def update(text: str) -> Update:
    """Parse an UpdateExpression. It returns the row's attributes after it, from the row, the names and the values."""
    parser = _Parser(text)
    sets: list[tuple[str, Operand]] = []
    removes: list[str] = []
    while parser.next is not None:
        clause = parser.take()
        while True:
            name = parser.take()
            if clause == "SET":
                parser.take("=")
                sets.append((name, parser.sum()))
            elif clause == "REMOVE":
                removes.append(name)
            else:
                raise Unsupported(text)
            if parser.next != ",":
                break
            parser.take(",")

    def apply(row: Row, names: Names, values: Row) -> dict[str, dict[str, Any]]:
        new = dict(row)
        for name, operand in sets:
            value = operand(row, names, values)
            if value is None:
                raise Unsupported(f"{text}: an attribute is missing")
            new[names.get(name, name)] = value
        for name in removes:
            new.pop(names.get(name, name), None)
        return new

    return apply


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise Unsupported(text)
            self._tokens.append(match.group(1))
            position = match.end()
        self._tokens.reverse()

    @property
    def next(self) -> str | None:
        return self._tokens[-1] if self._tokens else None

    def take(self, expected: str | None = None) -> str:
        if not self._tokens or expected not in (None, self._tokens[-1]):
            raise Unsupported(self._text)
        return self._tokens.pop()

    def end(self) -> None:
        if self._tokens:
            raise Unsupported(self._text)

    def either(self) -> Condition:
        first = self.both()
        if self.next != "OR":
            return first
        self.take()
        others = self.either()
        return lambda row, names, values: first(row, names, values) or others(row, names, values)

    def both(self) -> Condition:
        first = self.one()
        if self.next != "AND":
            return first
        self.take()
        others = self.both()
        return lambda row, names, values: first(row, names, values) and others(row, names, values)

    def one(self) -> Condition:
        if self.next == "NOT":
            self.take()
            negated = self.one()
            return lambda row, names, values: not negated(row, names, values)
        if self.next == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if self.next in ("attribute_exists", "attribute_not_exists"):
            wanted = self.take() == "attribute_exists"
            self.take("(")
            name = self.take()
            self.take(")")
            return lambda row, names, values: (names.get(name, name) in row) is wanted
        left, compare, right = self.operand(), _COMPARISONS[self.take()], self.operand()
        return lambda row, names, values: _compare(compare, left(row, names, values), right(row, names, values))

    def sum(self) -> Operand:
        first = self.operand()
        if self.next not in ("+", "-"):
            return first
        sign, second = 1 if self.take() == "+" else -1, self.operand()

        def add(*state: Any) -> dict[str, Any] | None:
            one, other = first(*state), second(*state)
            return None if one is None or other is None else {"N": f"{float(one['N']) + sign * float(other['N']):g}"}

        return add

    def operand(self) -> Operand:
        token = self.take()
        if token == "if_not_exists":
            self.take("(")
            name = self.take()
            self.take(",")
            default = self.sum()
            self.take(")")
            return lambda row, names, values: row.get(names.get(name, name)) or default(row, names, values)
        if token.startswith(":"):
            return lambda row, names, values: values[token]
        return lambda row, names, values: row.get(names.get(token, token))


def _compare(compare: Callable[[Any, Any], bool], left: dict[str, Any] | None, right: dict[str, Any] | None) -> bool:
    """Compare values of one type; an attribute that is missing, or of another type, compares as false."""
    if left is None or right is None:
        return False
    ((one, first),), ((other, second),) = left.items(), right.items()
    if one != other:
        return compare is operator.ne
    return compare(float(first), float(second)) if one == "N" else compare(first, second)
