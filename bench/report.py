"""Turns the results of a run into the tables and charts of docs/performance.md. Only `write_docs` touches files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.chart import Bar, Series, draw_bars, draw_lines, steps
from bench.growth.panels import draw_panels

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PAGE, RESULTS = "performance.md", "performance.json"
BOUNDS_CHART, DRAIN_CHART, GROWTH_CHART = (f"performance-{name}.svg" for name in ("bounds", "burst", "growth"))
CAPTIONS = {
    BOUNDS_CHART: "Measured values against their bounds",
    DRAIN_CHART: "How a burst of jobs reaches Slack",
    GROWTH_CHART: "How it grows: medians with their spread, and the line where they follow one",
}

Results = Mapping[str, Any]  # as bench.__main__ saves them


def write_docs(results: Results, folder: Path) -> None:
    """Write a run into the documentation. Raises ValueError if the page lacks the two marks."""
    page = folder / PAGE
    page.write_text(replace_measured(page.read_text("utf-8"), to_markdown(results)), encoding="utf-8")
    (folder / RESULTS).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, chart in charts(results).items():
        (folder / name).write_text(chart, encoding="utf-8")


def replace_measured(page: str, measured: str) -> str:
    """Replace the part of the page between its marks. Raises ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{measured}{END}{after}"


def to_markdown(results: Results) -> str:
    """Render the machine, the table of all bounds, the charts, and the details of each measurement."""
    parts = [_machine(results), _bounds(results["measurements"])]
    parts += [f"![{CAPTIONS[name]}]({name})" for name in charts(results)]
    parts.append("<details>\n<summary>Details of each measurement</summary>")
    parts += [_details(one) for one in results["measurements"]]
    parts.append("</details>")
    return "\n" + "\n\n".join(parts) + "\n\n"


def charts(results: Results) -> dict[str, str]:
    """Draw the charts, by file name. A chart whose measurement was not run is left out."""
    found = {}
    checks = [check for one in results["measurements"] for check in one["checks"] if not check["exact"]]
    if checks:
        bars = [Bar(check["what"], check["value"] / check["limit"], show_value(check)) for check in checks]
        found[BOUNDS_CHART] = draw_bars(CAPTIONS[BOUNDS_CHART], bars, "bound")
    burst: Mapping[str, Any] = next(
        (one["figures"] for one in results["measurements"] if one["name"] == "burst" and one["figures"]), {}
    )
    if burst:
        found[DRAIN_CHART] = _drain_chart(burst)
    if curves := [curve for one in results["measurements"] for curve in one["figures"].get("curves", ())]:
        found[GROWTH_CHART] = draw_panels(CAPTIONS[GROWTH_CHART], curves)
    return found


def show_value(check: Mapping[str, Any], key: str = "value") -> str:
    """Format a figure ("value") or its bound ("limit") with the unit: 1.73 ×, 1,000, 0.048 s."""
    value, unit = check[key], check["unit"]
    text = f"{value:,g}" if key == "limit" else _digits(value)
    return f"{text} {unit}".rstrip()


def show_spread(check: Mapping[str, Any]) -> str:
    """Format the quartiles of a figure that was measured several times: 1.02 to 1.06."""
    spread = check["spread"]
    return f"{_digits(spread['low'])} to {_digits(spread['high'])}" if spread else "-"


def _digits(value: float) -> str:
    digits = 0 if float(value).is_integer() else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def _machine(results: Results) -> str:
    machine = results["machine"]
    load = ", ".join(f"{one:g}" for one in machine["load"])
    return (
        f"Measured on {results['date']} in {results['seconds'] / 60:.1f} minutes: {machine['processor']}, "
        f"{machine['cores']} cores, load {load} at the start, Python {machine['python']}, {machine['system']}."
    )


def _bounds(measurements: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            check["what"],
            show_value(check),
            show_spread(check),
            f"{'' if check['exact'] else 'at most '}{show_value(check, 'limit')}",
            "yes" if check["is_met"] else "**no**",
            f"`--only {one['name']}`",
        ]
        for one in measurements
        for check in one["checks"]
    ]
    failed = [
        [one["title"], "failed", "-", one["failed"], "**no**", f"`--only {one['name']}`"]
        for one in measurements
        if one["failed"]
    ]
    return markdown_table(
        ["figure", "measured", "half of the values", "bound", "met", "`python -m bench …`"], rows + failed
    )


def _details(one: Mapping[str, Any]) -> str:
    parts = [f"### {one['title']}\n\n`python -m bench --only {one['name']}` took {one['seconds']:.0f} s."]
    if one["shown"]:
        parts.append("\n".join(f"- {label}: {text}" for label, text in one["shown"].items()))
    parts += [f"{table['title']}:\n\n{markdown_table(table['columns'], table['rows'])}" for table in one["tables"]]
    return "\n\n".join(parts)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table; each cell is the text to show."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _drain_chart(burst: Mapping[str, Any]) -> str:
    end = burst["seconds"] * 1.05
    reported = [(float(at), float(jobs)) for at, jobs in burst["reported"]]
    minutes = burst["jobs"] / burst["rate"] / 60
    return draw_lines(
        f"{burst['jobs']:,} jobs finish at once, Slack accepts {burst['rate']:g} message a second",
        [
            Series(f"batchbell: {burst['messages']} messages", steps(reported, end), "a"),
            Series(
                f"one message per job: done after {minutes:.0f} min",
                [(0, 0), (end, min(burst["jobs"], end * burst["rate"]))],
                "b",
                dashed=True,
            ),
        ],
        across="seconds after the first job",
        up="jobs reported in Slack",
    )
