"""Counts the function's invocations per array job, and those that other rules would cause on the same events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from batchbell_local.collecting_queue import CollectingQueue
from bench.batch_events import child_events
from bench.local_stack import LocalStack, deploy, wait_until
from bench.measurement import Check, Measurement, RunOptions, Table
from demo.print_color import other_rules

TITLE = "Invocations per array job"
SIZES = (2, 7, 100, 10_000)
PLATFORMS = ("EC2", "FARGATE")
FAILED = 0.3  # of the children, where some fail; the last of them fails before it is placed
CHANNELS = 3
RULES = ("every-job", "tutorial")


@dataclass(frozen=True)
class ArrayCount:
    """The counts for one array job. `rules`: how often each other rule matched."""

    size: int
    platform: str
    failed: int
    invocations: int
    messages: int
    rules: Mapping[str, int]


@dataclass
class StackCounters:
    """Counts invocations, messages, and the matches of other rules on a stack so far."""

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

    def matches(self, rule: str) -> int:
        return self.stack.cloud.message_count(self._queues[rule].url)


def measure(options: RunOptions) -> Measurement:
    sizes = SIZES[:-1] if options.trial else SIZES
    with deploy(options.project) as stack:
        counters = StackCounters(stack)
        counts = [
            _count(counters, size, platform, failed)
            for size in sizes
            for platform in PLATFORMS
            for failed in (0, max(1, round(size * FAILED)))
        ]
        added_invocations, added_messages = _count_duplicate(counters)
    invocations = max(one.invocations for one in counts), min(one.invocations for one in counts)
    messages = {one.messages for one in counts}
    return Measurement(
        checks=[
            Check("invocations per array job, maximum", max(invocations), 1, exact=True),
            Check("invocations per array job, minimum", min(invocations), 1, exact=True),
            Check("messages per array job and channel", max(messages) / CHANNELS, 1, exact=True),
            Check("invocations added by a duplicated event", added_invocations, 1),
            Check("messages added by a duplicated event", added_messages, 0, exact=True),
        ],
        tables=[_table(counts)],
        figures={
            "counts": [asdict(one) for one in counts],
            "duplicate": {"invocations": added_invocations, "messages": added_messages},
        },
    )


def _count(counters: StackCounters, size: int, platform: str, failed: int) -> ArrayCount:
    stack = counters.stack
    before = counters.invocations(), counters.messages(), {rule: counters.matches(rule) for rule in RULES}
    parent = stack.parent_event(f"array-{size}", size=size, failed=failed)
    stack.raise_all([*child_events(parent, platform), parent])
    wait_until(lambda: counters.messages() >= before[1] + CHANNELS, timeout=60)
    stack.wait_until_idle()
    return ArrayCount(
        size,
        platform,
        failed,
        counters.invocations() - before[0],
        counters.messages() - before[1],
        {rule: counters.matches(rule) - before[2][rule] for rule in RULES},
    )


def _count_duplicate(counters: StackCounters) -> tuple[int, int]:
    """Count the invocations and messages that a second copy of an event adds."""
    stack = counters.stack
    event = stack.parent_event("twice")
    before = counters.messages()
    stack.raise_all([event])
    wait_until(lambda: counters.messages() >= before + CHANNELS, timeout=60)
    stack.wait_until_idle()
    invocations, messages = counters.invocations(), counters.messages()
    stack.raise_all([event])
    wait_until(lambda: counters.invocations() > invocations, timeout=60)
    stack.wait_until_idle()
    return counters.invocations() - invocations, counters.messages() - messages


def _table(counts: list[ArrayCount]) -> Table:
    return Table(
        "One array job at a time",
        ["children", "platform", "failed", "batchbell: invocations", "plain rule (N+1)", "tutorial's filter"],
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
