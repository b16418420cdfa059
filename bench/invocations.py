"""How often the function is invoked for an array job, beside what other rules would do on the same events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from batchbell_local.collecting_queue import CollectingQueue
from bench.finding import Check, Finding, Order, Table
from bench.jobs import finish_children
from bench.local_stack import LocalStack, deploy, wait_until
from demo.print_color import other_rules

TITLE = "Invocations an array job"
SIZES = (2, 7, 100, 10_000)
PLATFORMS = ("EC2", "FARGATE")
FAILED = 0.3  # of the children, where some fail; the last one of them before it was placed
CHANNELS = 3
RULES = ("every-job", "tutorial")


@dataclass(frozen=True)
class Count:
    """One array job, one at a time. `rules`: how often each other rule fired."""

    size: int
    platform: str
    failed: int
    invocations: int
    messages: int
    rules: Mapping[str, int]


@dataclass
class Counters:
    """What has happened so far on a stack: invocations, messages, and how often other rules have fired."""

    stack: LocalStack

    def __post_init__(self) -> None:
        self._queues = {}
        for name in RULES:
            pattern = json.dumps(other_rules(self.stack.job_queue)[name])
            self.stack.cloud.client("events").put_rule(Name=f"count-{name}", EventPattern=pattern)
            self._queues[name] = CollectingQueue.of_rule(self.stack.cloud, f"count-{name}", f"count-{name}")
        topic = self.stack.outputs["notifiers"]["sns"]["topic_arn"]
        self._topic = CollectingQueue.of_topic(self.stack.cloud, "count-topic", topic)

    def invocations(self) -> int:
        return len(self.stack.log("REPORT"))

    def messages(self) -> int:
        stack = self.stack
        return len(stack.sink.accepted) + len(stack.cloud.mailbox()) + stack.cloud.message_count(self._topic.url)

    def fired(self, rule: str) -> int:
        return self.stack.cloud.message_count(self._queues[rule].url)


def measure(order: Order) -> Finding:
    sizes = SIZES[:-1] if order.trial else SIZES
    with deploy(order.project) as stack:
        counters = Counters(stack)
        counts = [
            _count(counters, size, platform, failed)
            for size in sizes
            for platform in PLATFORMS
            for failed in (0, max(1, round(size * FAILED)))
        ]
        twice, again = _duplicate(counters)
    invocations = max(one.invocations for one in counts), min(one.invocations for one in counts)
    messages = {one.messages for one in counts}
    return Finding(
        checks=[
            Check("invocations an array job, the most", max(invocations), 1, exact=True),
            Check("invocations an array job, the fewest", min(invocations), 1, exact=True),
            Check("messages an array job and channel", max(messages) / CHANNELS, 1, exact=True),
            Check("invocations that a duplicated event adds", twice, 1),
            Check("messages that a duplicated event adds", again, 0, exact=True),
        ],
        tables=[_table(counts)],
        figures={"counts": [asdict(one) for one in counts], "duplicate": {"invocations": twice, "messages": again}},
    )


def _count(counters: Counters, size: int, platform: str, failed: int) -> Count:
    stack = counters.stack
    before = counters.invocations(), counters.messages(), {rule: counters.fired(rule) for rule in RULES}
    parent = stack.finish(f"array-{size}", size=size, failed=failed)
    stack.raise_all([*finish_children(parent, platform), parent])
    wait_until(lambda: counters.messages() >= before[1] + CHANNELS, patience=60)
    stack.come_to_rest()
    return Count(
        size,
        platform,
        failed,
        counters.invocations() - before[0],
        counters.messages() - before[1],
        {rule: counters.fired(rule) - before[2][rule] for rule in RULES},
    )


def _duplicate(counters: Counters) -> tuple[int, int]:
    """Invocations and messages that a second copy of an event adds."""
    stack = counters.stack
    event = stack.finish("twice")
    before = counters.messages()
    stack.raise_all([event])
    wait_until(lambda: counters.messages() >= before + CHANNELS, patience=60)
    stack.come_to_rest()
    invocations, messages = counters.invocations(), counters.messages()
    stack.raise_all([event])
    wait_until(lambda: counters.invocations() > invocations, patience=60)
    stack.come_to_rest()
    return counters.invocations() - invocations, counters.messages() - messages


def _table(counts: list[Count]) -> Table:
    return Table(
        "One array job at a time",
        ["children", "on", "failed", "batchbell: invocations", "plain rule (N+1)", "tutorial's filter"],
        [
            [
                f"{one.size:,}",
                {"FARGATE": "Fargate"}.get(one.platform, one.platform),
                f"{one.failed:,}",
                f"{one.invocations}",
                *(f"{one.rules[rule]:,}" for rule in RULES),
            ]
            for one in counts
        ],
    )
