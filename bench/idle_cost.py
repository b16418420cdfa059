"""Calculates what a stack costs without a job: `python -m bench.idle_cost` deploys one to local AWS and prints a table.

Costs are counted resources × list prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench import prices
from bench.local_stack import LocalStack, deploy
from bench.measurement import Table
from bench.report import markdown_table

METRICS = 2  # per notifier: Sent, SendTime

Bill = dict[str, float]  # dollars a day by item


@dataclass(frozen=True)
class IdleResources:
    """A stack's resources that cost money without any job, and its notifiers, whose metrics cost some with jobs."""

    mappings: int
    alarms: int
    notifiers: int


def count_resources(stack: LocalStack) -> IdleResources:
    function = stack.outputs["function_name"]
    mappings = stack.cloud.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    alarms = stack.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return IdleResources(len(mappings), len(alarms), len(stack.outputs["notifiers"]))


def idle_bill(idle: IdleResources) -> Bill:
    """Calculate the cost of a day without a job."""
    return {
        "polls of the mappings": idle.mappings * prices.POLLERS * prices.POLLS_A_DAY * prices.SQS_REQUEST,
        "alarms": idle.alarms * prices.ALARM_MONTH / prices.DAYS_A_MONTH,
    }


def metrics_bill(notifiers: int) -> float:
    """Calculate the cost of a day in which each notifier sends something in every hour."""
    return METRICS * notifiers * prices.METRIC_MONTH / prices.DAYS_A_MONTH


def idle_table(idle: IdleResources) -> Table:
    """A month at rest, and a month of steady use: metrics cost by the hour in which they have data."""
    requests = idle.mappings * prices.POLLERS * prices.POLLS_A_DAY * prices.DAYS_A_MONTH
    bill = {item: cost * prices.DAYS_A_MONTH for item, cost in idle_bill(idle).items()}
    metrics = metrics_bill(idle.notifiers) * prices.DAYS_A_MONTH
    polls, alarms = bill["polls of the mappings"], bill["alarms"]
    rows = [
        ["polls of the queues", f"{requests:,} requests", *[_dollars(polls)] * 2],
        ["alarms", str(idle.alarms), *[_dollars(alarms)] * 2],
        ["custom metrics", f"{METRICS} for each of {idle.notifiers} notifiers", "-", _dollars(metrics)],
        ["total", "", _dollars(polls + alarms), _dollars(polls + alarms + metrics)],
    ]
    columns = ["30 days, us-east-1, no free tier", "", "at rest", "with a job in every hour"]
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
