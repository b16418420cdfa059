"""The table of what looking at running arrays costs, which docs/performance.md shows."""

from __future__ import annotations

import pytest

from bench.watch_cost import as_markdown, watch_bill


def test_a_sweep_every_minute_costs_five_times_as_much_as_one_every_five_except_for_the_alarm():
    often, seldom = watch_bill(1, 20), watch_bill(5, 20)

    assert often.pop("alarm") == seldom.pop("alarm")
    assert often == pytest.approx({item: 5 * cost for item, cost in seldom.items()})


def test_without_running_arrays_nothing_is_paid_for_them():
    idle, busy = watch_bill(5, 0), watch_bill(5, 20)

    assert idle["live messages"] == 0
    assert {item for item in idle if busy[item] == idle[item]} == {"schedule", "queue: send, receive, delete", "alarm"}


def test_the_page_shows_the_table(project):
    assert as_markdown() in (project / "docs" / "performance.md").read_text("utf-8"), "run `python -m bench.watch_cost`"
