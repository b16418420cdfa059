"""Calculates what a stack costs without a job: `python -m bench.idle_cost` deploys one to local AWS and prints a table.

Costs are counted resources × list prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import prices
from bench.local_stack import LocalStack, deploy
from bench.measurement import Check, Table
from bench.report import markdown_table

METRICS = 1  # in hours with a late message
LIMIT = 1.00  # dollars a month

Bill = dict[str, float]  # dollars a day by item


@dataclass(frozen=True)
class IdleResources:
    """A stack's resources that cost money without any job, and the number of its notifiers."""

    pollers: int
    alarms: int
    notifiers: int


def count_resources(stack: LocalStack) -> IdleResources:
    function = stack.outputs["function_name"]
    mappings = stack.cloud.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    alarms = stack.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    pollers = count_pollers(one.get("ScalingConfig") for one in mappings)
    return IdleResources(pollers, len(alarms), len(stack.outputs["notifiers"]))


def count_pollers(scaling: Iterable[Mapping[str, Any] | None]) -> int:
    """`scaling`: each mapping's scaling configuration, empty or None without a maximum concurrency."""
    return sum(prices.POLLERS_CAPPED if one else prices.POLLERS for one in scaling)


def idle_bill(idle: IdleResources) -> Bill:
    """Calculate the cost of a day without a late message, whether there are jobs or not."""
    return {
        "polls of the queues": idle.pollers * prices.POLLS_A_DAY * prices.SQS_REQUEST,
        "alarms": idle.alarms * prices.ALARM_MONTH / prices.DAYS_A_MONTH,
    }


def idle_check(idle: IdleResources) -> Check:
    month = sum(idle_bill(idle).values()) * prices.DAYS_A_MONTH
    return Check(f"a month with {idle.notifiers} notifiers, without what jobs use", month, LIMIT, "$")


def idle_table(idle: IdleResources) -> Table:
    """A month in which nothing is late, and one with a late message in every hour, in which the metric costs most."""
    requests = idle.pollers * prices.POLLS_A_DAY * prices.DAYS_A_MONTH
    bill = {item: cost * prices.DAYS_A_MONTH for item, cost in idle_bill(idle).items()}
    metrics, rest = METRICS * prices.METRIC_MONTH, sum(bill.values())
    rows = [
        ["polls of the queues", f"{requests:,} requests", *[_dollars(bill["polls of the queues"])] * 2],
        ["alarms", str(idle.alarms), *[_dollars(bill["alarms"])] * 2],
        ["custom metrics", str(METRICS), "-", _dollars(metrics)],
        ["total", "", _dollars(rest), _dollars(rest + metrics)],
    ]
    columns = ["30 days, us-east-1, no free tier", "", "at rest, or with jobs", "with a late message in every hour"]
    return Table("The same stack at rest", columns, rows)


def as_markdown(idle: IdleResources) -> str:
    """The table as the README shows it."""
    table = idle_table(idle)
    return markdown_table(table.columns, table.rows)


def _dollars(amount: float) -> str:
    return f"${amount:.2f}"


if __name__ == "__main__":
    with deploy(Path(__file__).resolve().parents[1]) as stack:
        print(as_markdown(count_resources(stack)))
