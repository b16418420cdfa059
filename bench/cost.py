"""Calculates the cost of a thousand array jobs a day, of two simpler designs, and of an idle stack.

Costs are counted requests × list prices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench import prices
from bench.batch_events import parent_event, sqs_records
from bench.calls import CLAIM, COMMIT, count_actions
from bench.function_harness import CHANNELS, start_harness
from bench.idle_cost import Bill, count_resources, idle_bill, idle_check, idle_table
from bench.local_stack import deploy
from bench.measurement import Measurement, RunOptions, Table
from bench.processor_share import MB_OF_A_PROCESSOR, ProcessorShare, ShareUnavailable
from components.delivery import MEMORY_SIZE

TITLE = "Cost"
JOBS = 1_000  # a day
CHILDREN = 100  # per job, where the cost depends on it
INVOCATIONS = 20
GIGABYTE = 1024  # MB


@dataclass(frozen=True)
class JobUsage:
    """The resources that one array job uses in a warm process.

    calls: AWS calls by action
    seconds: billed time
    bytes: written to the log
    share: the share of a processor that the time was measured with
    """

    calls: Mapping[str, int]
    seconds: float
    bytes: float
    share: str


def measure(options: RunOptions) -> Measurement:
    usage = _measure_usage(options)
    with deploy(options.project) as stack:
        idle = count_resources(stack)
    bills = {
        "batchbell": idle_bill(idle) | jobs_bill(usage),
        "rule for parents → Lambda": function_bill(usage, invocations=1),
        f"plain rule → Lambda, {CHILDREN} children": function_bill(usage, invocations=CHILDREN + 1),
        "batchbell at rest": idle_bill(idle),
    }
    return Measurement(
        checks=[idle_check(idle)],
        shown={
            f"{JOBS:,} array jobs a day": f"${sum(bills['batchbell'].values()):.3f} a day; "
            f"at rest ${sum(bills['batchbell at rest'].values()):.3f}",
            "billed for one array job": f"{usage.seconds * 1000:.0f} ms at {MEMORY_SIZE} MB ({usage.share}), "
            "with channels that answer at once",
        },
        tables=[_table(bills), idle_table(idle)],
        figures={
            "bills": bills,
            "calls": dict(usage.calls),
            "seconds": usage.seconds,
            "log_bytes": usage.bytes,
            "pollers": idle.pollers,
            "alarms": idle.alarms,
            "notifiers": idle.notifiers,
        },
    )


def jobs_bill(usage: JobUsage) -> Bill:
    """Calculate what the jobs of a day cost on top of an idle day."""
    # A commit writes the index too, since it adds the index's key.
    writes = usage.calls[CLAIM] + 2 * usage.calls[COMMIT]
    return function_bill(usage, invocations=1) | {
        "queue: send, receive, delete": JOBS * 3 * prices.SQS_REQUEST,
        "ledger": JOBS * writes * prices.DYNAMODB_WRITE,
    }


def function_bill(usage: JobUsage, *, invocations: int) -> Bill:
    """Calculate the daily cost of a function that sends to all three channels at each of its invocations per job."""
    times = JOBS * invocations
    return {
        "Lambda": times * (prices.LAMBDA_REQUEST + usage.seconds * MEMORY_SIZE / GIGABYTE * prices.LAMBDA_GB_SECOND),
        "log": times * usage.bytes / 1e9 * prices.LOGS_GB,
        "SNS": times * usage.calls["sns:Publish"] * prices.SNS_PUBLISH,
        "SES": times * usage.calls["ses:SendEmail"] * prices.SES_MAIL,
    }


def _measure_usage(options: RunOptions) -> JobUsage:
    share = MEMORY_SIZE / MB_OF_A_PROCESSOR
    with start_harness(options) as harness, harness.warm_process(harness.unpack("full", *CHANNELS)) as function:
        event = sqs_records(parent_event("bench"))
        function.runtime.invoke(event)
        harness.endpoint.take_requests()
        logged = len(function.log())
        try:
            with ProcessorShare(share) as limit:
                function.limit(limit)
                done = [function.runtime.invoke(event) for _ in range(options.repetitions(INVOCATIONS))]
            how = f"1/{1 / share:.0f} of a processor"
        except ShareUnavailable:
            done = [function.runtime.invoke(event) for _ in range(options.repetitions(INVOCATIONS))]
            how = "a whole processor, since this machine cannot limit it"
        calls = count_actions(harness.endpoint.take_requests())
        per_invocation = Counter({name: number // len(done) for name, number in calls.items()})
        written = (len(function.log()) - logged) / len(done)
    return JobUsage(per_invocation, median(one.duration for one in done), written, how)


def _table(bills: Mapping[str, Bill]) -> Table:
    items = list(dict.fromkeys(item for each in bills.values() for item in each))
    rows = [[item, *(_dollars(each.get(item, 0.0)) for each in bills.values())] for item in items]
    totals = [sum(each.values()) for each in bills.values()]
    rows.append(["total a day", *map(_dollars, totals)])
    rows.append(
        [f"total for {prices.DAYS_A_MONTH} days", *(f"${total * prices.DAYS_A_MONTH:,.2f}" for total in totals)]
    )
    return Table(f"{JOBS:,} array jobs a day, one email recipient, us-east-1, no free tier", ["", *bills], rows)


def _dollars(amount: float) -> str:
    return f"${amount:,.4f}" if amount else "-"
