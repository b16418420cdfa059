"""What a thousand array jobs a day cost: counted requests × list prices, beside two simpler ways and at rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench import prices
from bench.calls import CLAIM, COMMIT, count
from bench.finding import Finding, Order, Table
from bench.jobs import as_records, finish_array
from bench.local_stack import deploy
from bench.processor_share import MB_OF_A_PROCESSOR, NoShare, ProcessorShare
from bench.rig import CHANNELS, set_up
from components.delivery import MEMORY_SIZE

TITLE = "Cost"
JOBS = 1_000  # a day
CHILDREN = 100  # of each, for what depends on it
INVOCATIONS = 20
METRICS = 2  # of each notifier: Sent, SendTime
GIGABYTE = 1024  # MB


@dataclass(frozen=True)
class Use:
    """What one array job uses in a warm process. `seconds` are billed; `bytes` go into the log."""

    calls: Mapping[str, int]
    seconds: float
    bytes: float
    share: str


@dataclass(frozen=True)
class Fixed:
    """What a stack has all day."""

    mappings: int
    alarms: int


Bill = dict[str, float]  # dollars a day by item


def measure(order: Order) -> Finding:
    use = _use(order)
    with deploy(order.project) as stack:
        function = stack.outputs["function_name"]
        mappings = stack.cloud.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        fixed = Fixed(len(mappings), len(stack.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]))
    bills = {
        "batchbell": at_rest(fixed) | bill(use),
        "rule for parents → Lambda": direct(use, invocations=1),
        f"plain rule → Lambda, {CHILDREN} children": direct(use, invocations=CHILDREN + 1),
        "batchbell at rest": at_rest(fixed),
    }
    return Finding(
        shown={
            f"{JOBS:,} array jobs a day": f"${sum(bills['batchbell'].values()):.3f} a day; "
            f"at rest ${sum(bills['batchbell at rest'].values()):.3f}",
            "billed for one array job": f"{use.seconds * 1000:.0f} ms of {MEMORY_SIZE} MB ({use.share}), "
            "channels that answer at once",
        },
        tables=[_table(bills)],
        figures={
            "bills": bills,
            "calls": dict(use.calls),
            "seconds": use.seconds,
            "log_bytes": use.bytes,
            "mappings": fixed.mappings,
            "alarms": fixed.alarms,
        },
    )


def at_rest(fixed: Fixed) -> Bill:
    """Without a single job."""
    return {
        "polls of the mappings": fixed.mappings * prices.POLLERS * prices.POLLS_A_DAY * prices.SQS_REQUEST,
        "alarms": fixed.alarms * prices.ALARM_MONTH / prices.DAYS_A_MONTH,
    }


def bill(use: Use) -> Bill:
    """For the jobs alone."""
    # A commit writes the index too, since it adds the index's key.
    writes = use.calls[CLAIM] + 2 * use.calls[COMMIT]
    return direct(use, invocations=1) | {
        "queue: send, receive, delete": JOBS * 3 * prices.SQS_REQUEST,
        "ledger": JOBS * writes * prices.DYNAMODB_WRITE,
        "custom metrics": METRICS * len(CHANNELS) * prices.METRIC_MONTH / prices.DAYS_A_MONTH,
    }


def direct(use: Use, *, invocations: int) -> Bill:
    """A function that is invoked so often for an array job and tells all three channels each time."""
    times = JOBS * invocations
    return {
        "Lambda": times * (prices.LAMBDA_REQUEST + use.seconds * MEMORY_SIZE / GIGABYTE * prices.LAMBDA_GB_SECOND),
        "log": times * use.bytes / 1e9 * prices.LOGS_GB,
        "SNS": times * use.calls["sns:Publish"] * prices.SNS_PUBLISH,
        "SES": times * use.calls["ses:SendEmail"] * prices.SES_MAIL,
    }


def _use(order: Order) -> Use:
    share = MEMORY_SIZE / MB_OF_A_PROCESSOR
    with set_up(order) as rig, rig.warm(rig.unpack("full", *CHANNELS)) as function:
        event = as_records(finish_array("bench"))
        function.runtime.invoke(event)
        rig.endpoint.take()
        logged = len(function.log())
        try:
            with ProcessorShare(share) as limit:
                function.limit(limit)
                done = [function.runtime.invoke(event) for _ in range(order.times(INVOCATIONS))]
            how = f"1/{1 / share:.0f} of a processor"
        except NoShare:
            done = [function.runtime.invoke(event) for _ in range(order.times(INVOCATIONS))]
            how = "a whole processor: this machine allows no share"
        calls = count(rig.endpoint.take())
        per_invocation = Counter({name: number // len(done) for name, number in calls.items()})
        written = (len(function.log()) - logged) / len(done)
    return Use(per_invocation, median(one.ended - one.began for one in done), written, how)


def _table(bills: Mapping[str, Bill]) -> Table:
    items = list(dict.fromkeys(item for each in bills.values() for item in each))
    rows = [[item, *(_dollars(each.get(item, 0.0)) for each in bills.values())] for item in items]
    totals = [sum(each.values()) for each in bills.values()]
    rows.append(["a day", *map(_dollars, totals)])
    rows.append([f"{prices.DAYS_A_MONTH} days", *(f"${total * prices.DAYS_A_MONTH:,.2f}" for total in totals)])
    return Table(f"{JOBS:,} array jobs a day, one mail recipient, us-east-1, no free tier", ["", *bills], rows)


def _dollars(amount: float) -> str:
    return f"${amount:,.4f}" if amount else "-"
