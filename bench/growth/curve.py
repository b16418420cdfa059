"""A growth curve: what is measured for each size, the line through it, and where it bends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.measurement import Table

TOLERANCE = 0.25  # of a value: a curve that stays so close to its line has no bend
GAIN = 0.5  # two lines must halve the largest deviation, or the curve is only noisy
SIDE = 3  # points on each side of a bend, itself included: two fit a line whatever they are

Pair = tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """What was measured for one size: the median, and the smallest and the largest value."""

    size: float
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, size: float, values: Sequence[float]) -> Sample:
        return cls(size, median(values), min(values), max(values))


@dataclass(frozen=True)
class Line:
    """`start` + `slope` × size."""

    start: float
    slope: float

    def at(self, size: float) -> float:
        return self.start + self.slope * size

    def deviation(self, points: Sequence[Pair]) -> float:
        """Return the largest distance of a point from the line, as a fraction of its value."""
        return max(abs(value - self.at(size)) / value for size, value in points)


@dataclass(frozen=True)
class Fit:
    """One line, or two that change at the size `bend`; `after` is the slope from there on."""

    line: Line
    bend: float | None = None
    after: float | None = None


@dataclass(frozen=True)
class Curve:
    """A value that depends on a size.

    what: the value, with its unit: "invocation, ms"
    size: what is counted: "notifiers"
    each: one of them: "notifier"
    samples: by rising size
    """

    what: str
    size: str
    each: str
    samples: Sequence[Sample]

    @property
    def fit(self) -> Fit:
        return fit([(one.size, one.value) for one in self.samples])

    def describe(self) -> str:
        """Say the slope, and where the curve bends."""
        found = self.fit
        text = f"{short(found.line.slope)} per {self.each}, {short(found.line.start)} at 0"
        if found.bend is None or found.after is None:
            return f"{text}; no bend"
        return f"{text}; bends at {found.bend:,g}: {short(found.after)} per {self.each} from there on"

    def to_dict(self) -> Mapping[str, Any]:
        return {**asdict(self), "fit": asdict(self.fit), "described": self.describe()}


def fit(points: Sequence[Pair]) -> Fit:
    """Fit a line by the least squares of relative errors; two lines where one does not describe the points.

    points: by rising size, with values above 0.
    """
    one = _line(points)
    middles = range(SIDE - 1, len(points) - SIDE + 1)
    if not middles or one.deviation(points) <= TOLERANCE:
        return Fit(one)
    splits = [_split(points, middle) for middle in middles]
    error, found = min(splits, key=lambda split: split[0])
    return found if error <= GAIN * one.deviation(points) else Fit(one)


def _split(points: Sequence[Pair], middle: int) -> tuple[float, Fit]:
    """Fit two lines that share a point; return the largest deviation with them."""
    before, after = points[: middle + 1], points[middle:]
    first, second = _line(before), _line(after)
    error = max(first.deviation(before), second.deviation(after))
    return error, Fit(first, points[middle][0], second.slope)


def _line(points: Sequence[Pair]) -> Line:
    # Weighted by 1 / value²: a curve over four powers of ten would otherwise be its last point alone.
    weights = [1 / value**2 for _, value in points]
    total = sum(weights)
    size = sum(weight * x for weight, (x, _) in zip(weights, points, strict=True)) / total
    value = sum(weight * y for weight, (_, y) in zip(weights, points, strict=True)) / total
    spread = sum(weight * (x - size) ** 2 for weight, (x, _) in zip(weights, points, strict=True))
    common = sum(weight * (x - size) * (y - value) for weight, (x, y) in zip(weights, points, strict=True))
    slope = common / spread
    return Line(value - slope * size, slope)


def table(title: str, curves: Sequence[Curve]) -> Table:
    """Show curves of the same sizes side by side, each value with its spread."""
    sizes = [one.size for one in curves[0].samples]
    rows = [[f"{size:,g}", *(_spread(curve.samples[number]) for curve in curves)] for number, size in enumerate(sizes)]
    return Table(title, [curves[0].size, *(curve.what for curve in curves)], rows)


def figures(curves: Sequence[Curve]) -> Mapping[str, Any]:
    """Return the figures from which the report draws its chart of growth."""
    return {"curves": [curve.to_dict() for curve in curves]}


def shown(curves: Sequence[Curve], on_aws: str) -> dict[str, str]:
    """Say each slope and bend, and what AWS limits first."""
    return {curve.what: curve.describe() for curve in curves} | {"on AWS": on_aws}


def _spread(sample: Sample) -> str:
    if sample.low == sample.high:
        return short(sample.value)
    return f"{short(sample.value)} ({short(sample.low)} to {short(sample.high)})"


def short(value: float) -> str:
    """Show three digits, or all those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
