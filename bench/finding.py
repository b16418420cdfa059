"""What a measurement finds: figures, and whether they keep within their bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Check:
    """A figure with a bound: `value` may be at most `limit`, or must be equal to it if `exact`."""

    what: str
    value: float
    limit: float
    unit: str = ""
    exact: bool = False

    @property
    def is_met(self) -> bool:
        return self.value == self.limit if self.exact else self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_met": self.is_met}


@dataclass(frozen=True)
class Table:
    """Details for people: every cell is the text that is shown."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Finding:
    """`checks`: the figures with bounds. `shown`: others, by label. `figures`: what was measured, for programs."""

    checks: Sequence[Check] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"checks": [check.to_dict() for check in self.checks]}


@dataclass(frozen=True)
class Order:
    """How a measurement is to be made. `folder` is empty and its own; `trial`: quickly, to see that it runs."""

    project: Path
    folder: Path
    trial: bool = False

    def times(self, usual: int) -> int:
        """How often to repeat what is usually repeated so often."""
        return min(usual, 3) if self.trial else usual
