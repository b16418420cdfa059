"""Growth curves: the line through what was measured, where it bends, and how they are drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from bench import prices
from bench.growth.curve import Curve, Sample, fit, table
from bench.growth.panels import draw_panels
from bench.growth.parents import Load
from bench.growth.slow_channel import queue_for_each_table
from bench.measurement import Measurement
from bench.report import GROWTH_CHART, charts

SVG = "{http://www.w3.org/2000/svg}"
SIZES = (1, 10, 100, 500, 1_000)


def curve(*values: float, spread: float = 0.0) -> Curve:
    samples = [
        Sample.of(size, [value * (1 - spread), value, value * (1 + spread)])
        for size, value in zip(SIZES, values, strict=True)
    ]
    return Curve("a sweep, s", "running arrays", "array", samples)


def test_a_straight_curve_has_a_slope_and_no_bend():
    found = fit([(size, 40 + 2 * size) for size in SIZES])

    assert [found.line.start, found.line.slope] == pytest.approx([40, 2])
    assert found.bend is None


def test_a_curve_that_is_cheap_up_to_a_size_and_dear_from_there_on_bends_at_it():
    found = fit([(size, 50 + 0.1 * size + max(0, size - 100) * 3) for size in SIZES])

    assert found.bend == 100
    assert found.after == pytest.approx(3.1)
    assert found.line.slope == pytest.approx(0.1)


def test_noise_is_no_bend():
    assert fit([(1, 100), (10, 118), (100, 90), (500, 121), (1_000, 95)]).bend is None


def test_a_bend_needs_three_sizes_on_each_side():
    assert fit([(1, 10), (2, 10), (3, 100), (4, 200)]).bend is None


def test_the_table_has_a_line_a_size_with_its_spread():
    shown = table("Sweeps", [curve(1, 2, 3, 4, 1_234, spread=0.1), curve(5, 5, 5, 5, 5)])

    assert shown.columns == ["running arrays", "a sweep, s", "a sweep, s"]
    assert shown.rows[0] == ["1", "1 (0.9 to 1.1)", "5"]
    assert shown.rows[-1] == ["1,000", "1,234 (1,111 to 1,357)", "5"]


def test_a_description_says_the_slope_and_the_bend():
    assert curve(42, 60, 240, 1_040, 2_040).describe() == "2 per array, 40 at 0; no bend"
    assert "bends at 100: 3.1 per array from there on" in curve(50.1, 51, 60, 1_300, 2_850).describe()


def test_a_size_of_0_is_shown_but_is_not_on_the_line():
    samples = [Sample.of(0, [1.0]), *(Sample.of(size, [100 + size]) for size in SIZES)]

    none = Curve("an invocation, ms", "failed children", "child", samples)

    assert none.fit.line.start == pytest.approx(100)
    assert table("Children", [none]).rows[0] == ["0", "1"]


def test_a_queue_for_each_notifier_costs_at_rest_and_tickets_for_a_slow_channel_do_not():
    now, queues, tickets = queue_for_each_table().rows

    polls = prices.POLLERS * prices.POLLS_A_DAY * prices.DAYS_A_MONTH * prices.SQS_REQUEST
    assert [row[1] for row in (now, queues, tickets)] == ["-", f"${3 * (polls + prices.ALARM_MONTH):.2f}", "-"]
    assert tickets[2] == "$1.20 at most"


def test_each_curve_has_a_panel_in_the_report_with_a_point_a_size():
    results = {"measurements": [{"name": "growth", "checks": [], **Measurement().to_dict()}]}
    results["measurements"][0]["figures"] = {"curves": [dict(curve(1, 2, 3, 4, 5).to_dict())] * 3}

    picture = ElementTree.fromstring(charts(results)[GROWTH_CHART])

    assert len(list(picture.iter(f"{SVG}circle"))) == 3 * len(SIZES)
    assert [text.text for text in picture.iter(f"{SVG}text")].count("a sweep, s") == 3


def test_a_bent_line_is_drawn_in_two_parts_that_meet():
    picture = ElementTree.fromstring(draw_panels("Growth", [curve(50.1, 51, 60, 1_300, 2_850).to_dict()]))

    first, second = (line.get("points", "").split() for line in picture.iter(f"{SVG}polyline"))
    assert first[1] == second[0]


def test_a_line_that_describes_nothing_is_not_drawn():
    picture = ElementTree.fromstring(draw_panels("Growth", [curve(1, 10, 1, 10, 1).to_dict()]))

    assert len(list(picture.iter(f"{SVG}circle"))) == len(SIZES)
    assert not list(picture.iter(f"{SVG}polyline"))


def test_a_job_that_still_waits_is_not_lost():
    load = Load(rate=1_000, raised=100, raising=0.1, waited=[0.1] * 60, reported=6.0, left=40, doubled=0)

    assert (load.lost, load.throughput) == (0, 10)
