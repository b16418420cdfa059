"""The report: from figures to the page and its charts."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from bench.chart import Bar, Series, draw_bars, draw_lines, steps, ticks
from bench.measurement import Check, Measurement, Table
from bench.report import BEGIN, BOUNDS_CHART, DRAIN_CHART, END, charts, replace_measured, show_value, to_markdown
from bench.spread import Spread

SVG = "{http://www.w3.org/2000/svg}"


def results(**findings: Measurement) -> dict[str, Any]:
    machine = {"processor": "A", "cores": 2, "load": [0.5, 1.0, 2.0], "python": "3.13.1", "system": "Linux"}
    measured = [
        {"name": name, "title": name.title(), "seconds": 3.0, "failed": "", **finding.to_dict()}
        for name, finding in findings.items()
    ]
    return {"date": "2026-11-25", "seconds": 90.0, "trial": False, "machine": machine, "measurements": measured}


@pytest.mark.parametrize(
    ("check", "is_met"),
    [
        (Check("at the bound", 2.0, 2.0), True),
        (Check("above it", 2.1, 2.0), False),
        (Check("below an exact one", 0, 1, exact=True), False),
        (Check("an exact one", 1, 1, exact=True), True),
    ],
)
def test_a_bound_is_met_up_to_its_limit_and_an_exact_bound_only_at_its_limit(check: Check, is_met: bool) -> None:
    assert check.is_met is is_met
    assert check.to_dict()["is_met"] is is_met


def test_the_table_shows_a_missed_bound_with_the_command_that_measures_it() -> None:
    missed, kept = Check("cold start", 2.5, 1.5, "×"), Check("calls", 1, 1, exact=True)

    page = to_markdown(results(start=Measurement([missed, kept])))

    assert "| cold start | 2.50 × | - | at most 1.5 × | **no** | `--only start` |" in page
    assert "| calls | 1 | - | 1 | yes | `--only start` |" in page


def test_the_table_shows_how_far_the_values_of_a_figure_lie_apart() -> None:
    check = Check.of("cold start", Spread.of([1.0, 1.02, 1.04, 1.06, 1.3]), 1.08)

    page = to_markdown(results(start=Measurement([check])))

    assert "| cold start | 1.04 × | 1.02 to 1.06 | at most 1.08 × | yes |" in page


def test_the_table_shows_a_measurement_that_failed() -> None:
    failed = results(start=Measurement())
    failed["measurements"][0]["failed"] = "OSError: no space"

    assert "| Start | failed | - | OSError: no space | **no** |" in to_markdown(failed)


def test_the_page_names_the_machine_and_shows_all_details() -> None:
    table = Table("By size", ["size", "time"], [["7", "a|b"]])

    page = to_markdown(results(start=Measurement(shown={"bare": "10 ms"}, tables=[table])))

    assert "on 2026-11-25 in 1.5 minutes: A, 2 cores, load 0.5, 1, 2 at the start, Python 3.13.1, Linux." in page
    assert "- bare: 10 ms" in page
    assert "| size | time |\n| --- | --- |\n| 7 | a\\|b |" in page


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.7345, "×", "1.73 ×"),
        (0.0484, "s", "0.048 s"),
        (26, "", "26"),
        (1000.0, "", "1,000"),
        (86.06, "MB", "86.06 MB"),
    ],
)
def test_a_figure_has_only_significant_digits(value: float, unit: str, text: str) -> None:
    assert show_value({"value": value, "unit": unit}) == text


def test_only_the_part_between_the_marks_is_replaced() -> None:
    page = f"# Performance\n{BEGIN}\nold\n{END}\n## On paper\n"

    assert replace_measured(page, "new\n") == f"# Performance\n{BEGIN}\nnew\n{END}\n## On paper\n"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        replace_measured("# Performance\n", "new")


def test_charts_show_only_what_was_measured() -> None:
    burst = {"jobs": 1000, "messages": 2, "seconds": 40.0, "rate": 1.0, "reported": [[1.0, 100], [40.0, 1000]]}

    bounds = Measurement([Check("start", 2.5, 2.0, "×"), Check("calls", 1, 1, exact=True)])

    assert set(charts(results(start=bounds))) == {BOUNDS_CHART}
    assert set(charts(results(burst=Measurement(figures=burst)))) == {DRAIN_CHART}
    assert "calls" not in charts(results(start=bounds))[BOUNDS_CHART]  # no part of an exact bound is shown
    assert "done after 17 min" in charts(results(burst=Measurement(figures=burst)))[DRAIN_CHART]


def test_a_step_line_stays_level_until_the_next_point() -> None:
    assert steps([(1, 10), (3, 15)], end=4) == [(0, 0), (1, 0), (1, 10), (3, 10), (3, 15), (4, 15)]


def test_a_line_chart_fills_its_frame() -> None:
    chart = ElementTree.fromstring(draw_lines("a < b", [Series("all", [(0, 0), (40, 1000)], "a")], "s", "jobs"))

    (line,) = chart.iter(f"{SVG}polyline")
    assert line.get("points") == "64.0,276.0 696.0,56.0"  # from the lower left to the upper right
    assert {"a < b", "all", "1,000", "40"} <= {text.text for text in chart.iter(f"{SVG}text")}


def test_a_bar_ends_at_the_mark_when_its_bound_is_just_met_and_is_red_when_it_is_missed() -> None:
    chart = ElementTree.fromstring(draw_bars("all", [Bar("kept", 1.0, "2"), Bar("missed", 2.0, "4")], "bound"))

    kept, missed = chart.iter(f"{SVG}rect")
    (mark,) = chart.iter(f"{SVG}line")
    assert float(kept.get("x", 0)) + float(kept.get("width", 0)) == pytest.approx(float(mark.get("x1", 0)), abs=0.1)
    assert (kept.get("class"), missed.get("class")) == ("a", "c")


@pytest.mark.parametrize("top", [1, 7, 41.2, 43, 90, 100, 999, 1000, 12_345])
def test_an_axis_has_a_few_round_ticks(top: float) -> None:
    found = ticks(top)

    assert 4 <= len(found) <= 11
    assert found[0] == 0
    assert found[-1] <= top < found[-1] + found[1]
