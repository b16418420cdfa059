"""The options and the results of a measurement: figures, and whether they meet their bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.spread import Spread


@dataclass(frozen=True)
class Check:
    """A figure with a bound: `value` must be at most `limit`, or equal to it if `exact`.

    spread: of the repeated measurements of which `value` is the median; None if it was counted or measured once
    """

    what: str
    value: float
    limit: float
    unit: str = ""
    exact: bool = False
    spread: Spread | None = None

    @classmethod
    def of(cls, what: str, spread: Spread, limit: float, unit: str = "×") -> Check:
        return cls(what, spread.median, limit, unit, spread=spread)

    @property
    def is_met(self) -> bool:
        return self.value == self.limit if self.exact else self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_met": self.is_met}


@dataclass(frozen=True)
class Table:
    """Details for people: each cell is the text to show."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Measurement:
    """The results of one measurement.

    checks: figures with bounds
    shown: other results for people, by label
    tables: more details for people
    figures: the measured values, for programs
    """

    checks: Sequence[Check] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"checks": [check.to_dict() for check in self.checks]}


@dataclass(frozen=True)
class RunOptions:
    """How to run a measurement.

    project: the checkout
    folder: an empty folder for this measurement
    trial: repeat little, to see that it runs
    alone: it was asked for by name, so it may take its time
    """

    project: Path
    folder: Path
    trial: bool = False
    alone: bool = False

    def repetitions(self, usual: int) -> int:
        """Return how often to repeat something: the usual number, or less in a trial."""
        return min(usual, 3) if self.trial else usual
