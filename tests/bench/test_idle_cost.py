"""The table of what a stack costs at rest, which the README shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from bench.idle_cost import IdleResources, as_markdown, count_pollers, idle_check, idle_table
from tests.judges.registered import record


@pytest.fixture
def print_color(project: Path) -> IdleResources:
    """What the program registers for the stack that ships."""
    config = yaml.safe_load((project / "examples" / "stacks" / "Pulumi.print-color.yaml").read_text("utf-8"))["config"]
    recording = record({name.removeprefix("batchbell:"): value for name, value in config.items()}, stack="print-color")
    mappings = recording.of_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    alarms = recording.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    pollers = count_pollers(one.inputs.get("scalingConfig") for one in mappings)
    return IdleResources(pollers, len(alarms), len(config["batchbell:notifiers"]))


def test_the_metric_costs_only_while_messages_are_late_and_all_else_always():
    *items, total = idle_table(IdleResources(pollers=7, alarms=6, notifiers=3)).rows

    assert [(item[0], *item[2:]) for item in items] == [
        ("polls of the queues", "$0.36", "$0.36"),
        ("alarms", "$0.60", "$0.60"),
        ("custom metrics", "-", "$0.30"),
    ]
    assert total[2:] == ["$0.96", "$1.26"]


def test_a_mapping_with_a_maximum_concurrency_has_more_pollers_at_rest():
    assert [count_pollers([one]) for one in ({"MaximumConcurrency": 2}, {}, None)] == [5, 2, 2]


def test_the_stack_that_ships_costs_less_than_a_dollar_a_month_and_one_more_alarm_would_not(print_color):
    more = dataclasses.replace(print_color, alarms=print_color.alarms + 1)

    assert print_color.notifiers == 3
    assert (idle_check(print_color).is_met, idle_check(more).is_met) == (True, False)


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_the_pages_show_the_table_of_the_stack_that_ships(print_color, project, page):
    assert as_markdown(print_color) in (project / page).read_text("utf-8"), "run `python -m bench.idle_cost`"
