"""What repeated measurements of one figure say together. Ratios are of pairs that were measured one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Spread:
    """A figure that was measured several times: the median, and the quartiles, between which half of the values lie."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
        return cls(median(values), low, high)


def compare(ours: Sequence[float], floor: Sequence[float]) -> Spread:
    """Return the ratio of pairs: load on the machine changes slowly, and so affects both of a pair."""
    return Spread.of([one / other for one, other in zip(ours, floor, strict=True)])
