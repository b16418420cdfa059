"""Ten notifiers that take 200 ms each: the slowest sets the time, not the sum."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench import package
from bench.finding import Check, Finding, Order
from bench.jobs import as_records, finish_array
from bench.rig import Rig, set_up

TITLE = "Fan-out"
ROUNDS = 15
NOTIFIERS = 10
EACH = 0.2  # seconds
BOUND = 1.25  # × the slowest
SLOW = f"""
import time


class Slow:
    def send(self, message):
        time.sleep({EACH})


def create(settings, secrets):
    return Slow()
"""


def measure(order: Order) -> Finding:
    slow = [{"name": f"slow-{number}", "module": "slow"} for number in range(NOTIFIERS)]
    slack = [package.entry("slack", f"slack-{number}") for number in range(NOTIFIERS)]
    with set_up(order) as rig:
        took = _time(rig, _with_slow(rig.unpack("slow", "slack", manifest=slow)))
        rig.endpoint.slack_delay = EACH
        ten = _time(rig, rig.unpack("ten", "slack", manifest=slack))
        one = _time(rig, rig.unpack("one", "slack", manifest=slack[:1]))
    return Finding(
        checks=[Check(f"{NOTIFIERS} notifiers of {EACH * 1000:.0f} ms, ledger included", took / EACH, BOUND, "×")],
        shown={
            "whole invocation": f"{took * 1000:.0f} ms; one after the other: {NOTIFIERS * EACH * 1000:.0f} ms",
            "ten Slack channels that take 200 ms, over TLS": f"{ten * 1000:.0f} ms; one alone: {one * 1000:.0f} ms",
        },
        figures={"seconds": took, "ten_slack": ten, "one_slack": one},
    )


def _with_slow(task_root: Path) -> Path:
    task_root.chmod(0o755)
    (task_root / "slow.py").write_text(SLOW, encoding="utf-8")
    return task_root


def _time(rig: Rig, task_root: Path) -> float:
    """Seconds of an invocation in a process that has had one before, the median."""
    with rig.warm(task_root) as function:
        function.runtime.invoke(as_records(finish_array("first")))
        done = [function.runtime.invoke(as_records(finish_array("bench"))) for _ in range(rig.order.times(ROUNDS))]
    rig.endpoint.take()
    return median(one.ended - one.began for one in done)
