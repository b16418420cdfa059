"""Draws charts as SVG that are readable on white and on black. The same figures give the same text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 44
STYLE = """
text { font: 13px -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #444c56; }
.title { font-weight: 600; font-size: 15px; }
.axis { stroke: #8b949e; } .grid { stroke: #8b949e; stroke-opacity: 0.25; }
.a { stroke: #2f81f7; fill: #2f81f7; } .b { stroke: #d29922; fill: #d29922; } .c { stroke: #e5534b; fill: #e5534b; }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; } .dashed { stroke-dasharray: 7 5; }
.label { stroke: none; }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } }
"""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line. `colour` is "a", "b" or "c". The name is written in the upper left, where a rising line is not."""

    name: str
    points: Sequence[Point]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Bar:
    """A bar. `share` is a fraction of the bound: 1.0 reaches the mark. `text` is written at the right."""

    name: str
    share: float
    text: str


def steps(points: Sequence[Point], end: float) -> list[Point]:
    """Turn points into a step line from 0 to `end`: the value stays until the next point."""
    line: list[Point] = [(0.0, 0.0)]
    for x, y in points:
        line += [(x, line[-1][1]), (x, y)]
    return [*line, (end, line[-1][1])]


def draw_lines(title: str, series: Sequence[Series], across: str, up: str, height: int = 320) -> str:
    """Draw a line chart. `across` and `up` label the axes, with units."""
    right = max(x for each in series for x, _ in each.points)
    top = max(y for each in series for _, y in each.points)
    wide, high = WIDTH - LEFT - RIGHT, height - TOP - BOTTOM

    def place(point: Point) -> Point:
        return LEFT + point[0] / right * wide, TOP + high - point[1] / top * high

    parts = [text(LEFT, 22, title, "title")]
    for value in ticks(top):
        y = place((0, value))[1]
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 8, y + 4, f"{value:,.0f}", anchor="end"))
    for value in ticks(right):
        x = place((value, 0))[0]
        parts.append(text(x, TOP + high + 18, f"{value:,.0f}", anchor="middle"))
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{TOP + high}" x2="{WIDTH - RIGHT}" y2="{TOP + high}"/>')
    parts.append(text(WIDTH - RIGHT, height - 8, across, anchor="end"))
    parts.append(text(LEFT, TOP - 8, up))
    for number, each in enumerate(series):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, each.points))
        parts.append(f'<polyline class="line {each.colour}{" dashed" if each.dashed else ""}" points="{points}"/>')
        parts.append(text(LEFT + 14, TOP + 24 + 20 * number, each.name, f"label {each.colour}"))
    return svg(title, height, parts)


def draw_bars(title: str, bars: Sequence[Bar], mark: str) -> str:
    """Draw a bar chart. `mark` labels the line at 1.0, which is the bound."""
    name_width, text_width, row, top = 330, 80, 26, 40
    scale = max(1.1, *(bar.share for bar in bars))
    wide = WIDTH - name_width - text_width
    height = top + row * len(bars) + 30
    line = name_width + wide / scale
    parts = [text(8, 22, title, "title")]
    for number, bar in enumerate(bars):
        y = top + 8 + number * row
        colour = "c" if bar.share > 1 else "a"
        width = max(1.5, bar.share / scale * wide)
        parts.append(text(name_width - 10, y + 13, bar.name, anchor="end"))
        parts.append(f'<rect class="{colour}" x="{name_width}" y="{y}" width="{width:.1f}" height="16" rx="2"/>')
        parts.append(text(WIDTH - 8, y + 13, bar.text, anchor="end"))
    parts.append(f'<line class="axis" x1="{line:.1f}" y1="{top}" x2="{line:.1f}" y2="{height - 22}"/>')
    parts.append(text(line, height - 6, mark, anchor="middle"))
    return svg(title, height, parts)


def ticks(top: float) -> list[float]:
    """Return the round values of an axis, from 0 up to `top`."""
    step = 10.0 ** (len(str(int(top))) - 1)
    while top / step < 4:
        step /= 2 if f"{step:g}"[0] in "12" and top / step >= 2 else 5
    return [number * step for number in range(int(top / step) + 1)]


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Draw one line of text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def svg(title: str, height: int, parts: Sequence[str]) -> str:
    """Put the parts into a picture of WIDTH × `height`."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )
