"""Measures how many finished array jobs a second one stack reports: 1 to 1,000, raised steadily on local AWS.

All channels respond at once. The function's processes have this machine's processors, which they share with the
emulator and the load, so the rate that they reach is this machine's and not AWS's: the bend is what counts.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from batchbell_local.collecting_queue import CollectingQueue
from bench.growth import curve
from bench.growth.curve import Curve, Sample
from bench.local_stack import LocalStack, WaitTimedOut, deploy
from bench.measurement import Check, Measurement, RunOptions, Table

TITLE = "Growth: array jobs a second"
RATES = (1, 10, 30, 100, 1_000)
SECONDS, SECONDS_ALONE = 1.0, 60.0  # for which the jobs come at each rate
MIN_JOBS = 3
STEP = 0.1  # s between two calls that raise events
DRAIN, DRAIN_ALONE = 20.0, 120.0  # s at most until nothing is left to do
POLL_INTERVAL = 0.5  # s between looks at the queues: the local AWS has one thread for all calls
NAME = re.compile(r"grow-[0-9]+-[0-9]{5}")
ON_AWS = (
    "the function takes 5 × 10 jobs at once, by the stack's own limit: with the time of a full batch at a seventh of a "
    "processor (`--only memory`) some 45 jobs a second; above, events wait in the queue, for 4 days at most. The next "
    "limit is SubmitJob's: 50 array jobs a second in an account"
)


@dataclass(frozen=True)
class Load:
    """What came of jobs that finished at a steady rate. Times are in seconds.

    raised: how many jobs
    raising: how long it took to raise their events: longer than planned where this machine is too slow
    waited: from the event to the message, of each job that Slack has
    reported: until Slack had the last job, and at least as long as jobs should come
    left: jobs without a message when the waiting ended before the queues were empty
    doubled: jobs that more than one message on the topic reports
    """

    rate: float
    raised: int
    raising: float
    waited: Sequence[float]
    reported: float
    left: int
    doubled: int

    @property
    def throughput(self) -> float:
        """Jobs a second, from the first event to the last message."""
        return len(self.waited) / self.reported

    @property
    def lost(self) -> int:
        return self.raised - len(self.waited) - self.left


def measure(options: RunOptions) -> Measurement:
    rates = RATES[:2] if options.trial else RATES
    seconds, drain = (SECONDS_ALONE, DRAIN_ALONE) if options.alone and not options.trial else (SECONDS, DRAIN)
    with deploy(options.project) as stack:
        topic = CollectingQueue.of_topic(stack.cloud, "growth", stack.outputs["notifiers"]["sns"]["topic_arn"])
        run_load(stack, topic, "0", 1.0, 1.0, drain)  # starts the function's process
        loads = [run_load(stack, topic, f"{rate}", rate, seconds, drain) for rate in rates]
        dead = stack.dead_letters()
    reported = Curve(
        "jobs reported a second",
        "array jobs a second",
        "job a second",
        [Sample.of(one.rate, [one.throughput]) for one in loads],
    )
    lost = sum(one.lost for one in loads)
    return Measurement(
        checks=[
            Check("array jobs lost at 1 to 1,000 a second", lost + dead, 0, exact=True),
            Check("array jobs doubled at 1 to 1,000 a second", sum(one.doubled for one in loads), 0, exact=True),
        ],
        shown={
            "jobs came": f"for {seconds:g} s at each rate; with --only for {SECONDS_ALONE:g} s",
            "where it bends": _bend(loads),
            "on AWS": ON_AWS,
        },
        tables=[_table(loads)],
        figures=curve.figures([reported]),
    )


def run_load(stack: LocalStack, topic: CollectingQueue, label: str, rate: float, seconds: float, drain: float) -> Load:
    """Raise jobs at the rate, and wait until the function has nothing left to do, or for `drain` seconds."""
    names = [f"grow-{label}-{number:05}" for number in range(max(MIN_JOBS, round(rate * seconds)))]
    reported: dict[str, float] = {}

    def record(body: str) -> None:
        now = time.monotonic()
        for name in NAME.findall(body):
            reported.setdefault(name, now)

    stack.sink.on_accepted(record)
    raised: dict[str, float] = {}
    started = time.monotonic()
    while len(raised) < len(names):
        due = min(len(names), 1 + int((time.monotonic() - started) * rate))
        if due > len(raised):
            first, now = len(raised), time.monotonic()
            raised |= dict.fromkeys(names[first:due], now)
            stack.raise_all([stack.parent_event(name) for name in names[first:due]])
        time.sleep(min(STEP, 1 / rate))
    raising = time.monotonic() - started
    try:
        stack.wait_until_idle(drain, POLL_INTERVAL)
        is_idle = True
    except WaitTimedOut:
        is_idle = False
    arrived = dict(reported)  # reports may go on
    known = set(names)
    bodies = (json.loads(body)["Message"] for body in topic.bodies())
    messages = Counter(name for body in bodies for name in set(NAME.findall(body)) if name in known)
    return Load(
        rate,
        len(names),
        raising,
        [arrived[name] - raised[name] for name in names if name in arrived],
        max(len(names) / rate, max(arrived.values(), default=started) - started),
        0 if is_idle else len(names) - len(arrived),
        sum(number > 1 for number in messages.values()),
    )


def _bend(loads: Sequence[Load]) -> str:
    """Say from which rate on jobs wait for others, and how many a second are reported then."""
    for one in loads:
        if one.left or one.throughput < one.rate / 2:
            return f"at {one.rate:,g} a second jobs wait: {one.throughput:.0f} a second are reported"
    return f"not up to {loads[-1].rate:,g} a second"


def _table(loads: Sequence[Load]) -> Table:
    rows = [
        [
            f"{one.rate:,g}",
            f"{one.raised:,} in {one.raising:.1f} s",
            f"{median(one.waited):.2f} s ({min(one.waited):.2f} to {max(one.waited):.2f})",
            f"{one.throughput:.1f}",
            f"{one.left:,}",
            f"{one.lost:,}",
            f"{one.doubled:,}",
        ]
        for one in loads
    ]
    columns = ["raised a second", "jobs", "event to message", "reported a second", "still waiting", "lost", "doubled"]
    return Table("Finished array jobs at a steady rate", columns, rows)
