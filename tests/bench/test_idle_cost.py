"""The table of what a stack costs at rest, which the README shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.idle_cost import IdleResources, as_markdown, idle_table
from tests.judges.registered import record


@pytest.fixture
def print_color(project: Path) -> IdleResources:
    """What the program registers for the stack that ships."""
    config = yaml.safe_load((project / "examples" / "stacks" / "Pulumi.print-color.yaml").read_text("utf-8"))["config"]
    recording = record({name.removeprefix("batchbell:"): value for name, value in config.items()}, stack="print-color")
    mappings = recording.of_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    alarms = recording.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    return IdleResources(len(mappings), len(alarms), len(config["batchbell:notifiers"]))


def test_metrics_cost_only_while_there_are_jobs_and_all_else_always():
    *items, total = idle_table(IdleResources(mappings=2, alarms=8, notifiers=3)).rows

    assert [(item[0], *item[2:]) for item in items] == [
        ("polls of the queues", "$0.52", "$0.52"),
        ("alarms", "$0.80", "$0.80"),
        ("custom metrics", "-", "$1.80"),
    ]
    assert total[2:] == ["$1.32", "$3.12"]


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_the_pages_show_the_table_of_the_stack_that_ships(print_color, project, page):
    assert as_markdown(print_color) in (project / page).read_text("utf-8"), "run `python -m bench.idle_cost`"
