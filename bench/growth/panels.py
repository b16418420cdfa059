"""Draws growth curves as small charts in one picture: the samples, their spread, and their line if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.chart import WIDTH, svg, text
from bench.growth.curve import short

COLUMNS = 2
HEIGHT = 190
LEFT, RIGHT, TOP, BOTTOM = 58, 20, 34, 40
TITLE_HEIGHT = 34
FAR = 0.5  # of a value: a line that is so far from a sample does not describe the curve

Record = Mapping[str, Any]  # a Curve, as bench.__main__ saves it


def draw_panels(title: str, curves: Sequence[Record]) -> str:
    """Draw each curve in a panel of its own, on linear axes: a straight line is linear growth."""
    rows = -(-len(curves) // COLUMNS)
    parts = [text(8, 22, title, "title")]
    for number, curve in enumerate(curves):
        across, down = number % COLUMNS, number // COLUMNS
        parts += _panel(curve, across * WIDTH / COLUMNS, TITLE_HEIGHT + down * HEIGHT)
    return svg(title, TITLE_HEIGHT + rows * HEIGHT, parts)


def _panel(curve: Record, x: float, y: float) -> list[str]:
    samples = curve["samples"]
    right = max(one["size"] for one in samples)
    top = max(one["high"] for one in samples)
    wide, high = WIDTH / COLUMNS - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(size: float, value: float) -> tuple[float, float]:
        return x + LEFT + size / right * wide, y + TOP + high - max(0.0, min(value, top)) / top * high

    parts = [text(x + 8, y + 18, curve["what"])]
    for value in (0.0, top / 2, top):
        _, at = place(0, value)
        parts.append(f'<line class="grid" x1="{x + LEFT}" y1="{at:.1f}" x2="{x + LEFT + wide:.1f}" y2="{at:.1f}"/>')
        parts.append(text(x + LEFT - 6, at + 4, short(value), anchor="end"))
    for size in (0, right):
        parts.append(text(place(size, 0)[0], y + TOP + high + 18, f"{size:,g}", anchor="middle"))
    parts.append(text(x + LEFT + wide / 2, y + TOP + high + 18, curve["size"], anchor="middle"))
    for (begin, end), line in _lines(curve, right):
        points = " ".join(f"{across:.1f},{up:.1f}" for across, up in (place(at, line(at)) for at in (begin, end)))
        parts.append(f'<polyline class="line b dashed" points="{points}"/>')
    for one in samples:
        across, up = place(one["size"], one["value"])
        low, most = place(one["size"], one["low"])[1], place(one["size"], one["high"])[1]
        parts.append(f'<line class="a" x1="{across:.1f}" y1="{low:.1f}" x2="{across:.1f}" y2="{most:.1f}"/>')
        parts.append(f'<circle class="a" cx="{across:.1f}" cy="{up:.1f}" r="3"/>')
    return parts


def _lines(curve: Record, right: float) -> list[Any]:
    """Return the one line, or the two that change at the bend: from where to where, and its values."""
    fit = curve["fit"]
    start, slope = fit["line"]["start"], fit["line"]["slope"]

    def before(size: float) -> float:
        return float(start + slope * size)

    if fit["bend"] is None:
        counted = [(one["size"], one["value"]) for one in curve["samples"] if one["size"]]
        is_line = all(abs(value - before(size)) <= FAR * value for size, value in counted)
        return [((0.0, right), before)] if is_line else []
    bend, after = fit["bend"], fit["after"]
    return [((0.0, bend), before), ((bend, right), lambda size: before(bend) + after * (size - bend))]
