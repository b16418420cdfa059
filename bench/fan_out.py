"""Measures ten notifiers that take 200 ms each: the slowest should set the time, not the sum."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from batchbell.wire import ManifestEntry
from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.function_harness import FunctionHarness, start_harness
from bench.measurement import Check, Measurement, RunOptions

TITLE = "Fan-out"
ROUNDS = 15
NOTIFIERS = 10
SEND_TIME = 0.2  # seconds, of each notifier
BOUND = 1.25  # × the slowest
SLOW = f"""
import time


class Slow:
    def send(self, message):
        time.sleep({SEND_TIME})


def create(settings, secrets):
    return Slow()
"""


def measure(options: RunOptions) -> Measurement:
    slow: list[ManifestEntry] = [
        {**function_package.manifest_entry("sns", f"slow-{number}"), "module": "slow"} for number in range(NOTIFIERS)
    ]
    slack = [function_package.manifest_entry("slack", f"slack-{number}") for number in range(NOTIFIERS)]
    with start_harness(options) as harness:
        took = _time(harness, _with_slow(harness.unpack("slow", "slack", manifest=slow)))
        harness.endpoint.slack_delay = SEND_TIME
        ten = _time(harness, harness.unpack("ten", "slack", manifest=slack))
        one = _time(harness, harness.unpack("one", "slack", manifest=slack[:1]))
    label = f"{NOTIFIERS} notifiers of {SEND_TIME * 1000:.0f} ms each, with the ledger"
    return Measurement(
        checks=[Check(label, took / SEND_TIME, BOUND, "×")],
        shown={
            "whole invocation": f"{took * 1000:.0f} ms; one after the other: {NOTIFIERS * SEND_TIME * 1000:.0f} ms",
            "ten Slack channels that take 200 ms, over TLS": f"{ten * 1000:.0f} ms; a single one: {one * 1000:.0f} ms",
        },
        figures={"seconds": took, "ten_slack": ten, "one_slack": one},
    )


def _with_slow(task_root: Path) -> Path:
    task_root.chmod(0o755)
    (task_root / "slow.py").write_text(SLOW, encoding="utf-8")
    return task_root


def _time(harness: FunctionHarness, task_root: Path) -> float:
    """Return the median seconds of an invocation in a warm process."""
    with harness.warm_process(task_root) as function:
        function.runtime.invoke(sqs_records(parent_event("first")))
        done = [
            function.runtime.invoke(sqs_records(parent_event("bench")))
            for _ in range(harness.options.repetitions(ROUNDS))
        ]
    harness.endpoint.take_requests()
    return median(one.duration for one in done)
