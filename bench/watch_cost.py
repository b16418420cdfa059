"""Calculates what looking at running arrays costs a month: `python -m bench.watch_cost` prints a table.

Counted requests × list prices, for sweeps around the clock. Only the function's time and its log are estimates.
"""

from __future__ import annotations

from bench import prices
from bench.idle_cost import Bill
from bench.measurement import Table
from bench.report import markdown_table
from components.delivery import MEMORY_SIZE

MINUTES = (5, 1)  # of `watch_every`
ARRAYS = (0, 20)  # that run all the time
GIGABYTE = 1024  # MB

RECORD = 3  # requests to SQS for a sweep's record: send, receive, delete
# Units: an eventually consistent read is half a one (DynamoDB Developer Guide, "DynamoDB on-demand capacity mode").
QUEUE_READS, QUEUE_WRITES = 0.5, 1  # of the row about a job queue's sweeps, in a sweep
ARRAY_READS, ARRAY_WRITES = 0.5, 1  # of the row about a running array, whose numbers change in every sweep
LIVE_WRITES = 2  # claim and commit of a live message that is edited in every sweep
ALARMS = 1  # of the schedule

# Estimates. At a seventh of a processor, with answers that come at once, a sweep took 0.10 s, and 0.03 s an array.
SWEEP_SECONDS = 0.4  # with AWS's answers to five calls
ARRAY_SECONDS = 0.03
LIVE_SECONDS = 0.3  # one edit after the other, each with Slack's answer
SWEEP_LOG, LIVE_LOG = 600, 400  # bytes: a line each, and Lambda's own three of an invocation


def watch_bill(minutes: int, arrays: int) -> Bill:
    """Calculate the cost of 30 days for one job queue.

    minutes: between two sweeps
    arrays: that run all the time, each with a live message
    """
    sweeps = prices.DAYS_A_MONTH * 24 * 60 // minutes
    reads, writes = QUEUE_READS + ARRAY_READS * arrays, QUEUE_WRITES + ARRAY_WRITES * arrays
    return {
        "schedule": sweeps * prices.EVENT,
        "queue: send, receive, delete": sweeps * RECORD * prices.SQS_REQUEST,
        "Lambda": sweeps * (prices.LAMBDA_REQUEST + _time(SWEEP_SECONDS + ARRAY_SECONDS * arrays)),
        "log": sweeps * (SWEEP_LOG + LIVE_LOG * arrays) / 1e9 * prices.LOGS_GB,
        "what a sweep remembers": sweeps * (reads * prices.DYNAMODB_READ + writes * prices.DYNAMODB_WRITE),
        "live messages": sweeps * arrays * (LIVE_WRITES * prices.DYNAMODB_WRITE + _time(LIVE_SECONDS)),
        "alarm": ALARMS * prices.ALARM_MONTH,
    }


def _time(seconds: float) -> float:
    return seconds * MEMORY_SIZE / GIGABYTE * prices.LAMBDA_GB_SECOND


def watch_table() -> Table:
    """A month for each number of minutes and of arrays. AWS Batch's API costs nothing, nor does Slack's."""
    bills = {
        f"every {minutes} min, {arrays} arrays": watch_bill(minutes, arrays) for minutes in MINUTES for arrays in ARRAYS
    }
    items = list(next(iter(bills.values())))
    rows = [[item, *(_dollars(bill[item]) for bill in bills.values())] for item in items]
    rows.append(["total", *(_dollars(sum(bill.values())) for bill in bills.values())])
    return Table("Looking at running arrays", ["30 days, us-east-1, no free tier", *bills], rows)


def as_markdown() -> str:
    """The table as docs/performance.md shows it."""
    table = watch_table()
    return markdown_table(table.columns, table.rows)


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount else "-"


if __name__ == "__main__":
    print(as_markdown())
