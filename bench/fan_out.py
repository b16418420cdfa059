"""Measures ten notifiers that take 200 ms each: the slowest should set the time, not the sum.

Each invocation is compared with one of a function that only takes as long as the slowest, right after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from batchbell.wire import ManifestEntry
from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.function_harness import FunctionHarness, start_harness
from bench.function_process import FunctionProcess
from bench.measurement import Check, Measurement, RunOptions
from bench.spread import compare

TITLE = "Fan-out"
ROUNDS = 21
NOTIFIERS = 10
SEND_TIME = 0.2  # seconds, of each notifier
BOUND = 1.2  # × the slowest
SLOW = f"""
import time


class Slow:
    def send(self, message):
        time.sleep({SEND_TIME})


def create(settings, secrets):
    return Slow()


def handler(event, context):
    time.sleep({SEND_TIME})
"""


def measure(options: RunOptions) -> Measurement:
    slow: list[ManifestEntry] = [
        {**function_package.manifest_entry("sns", f"slow-{number}"), "module": "slow"} for number in range(NOTIFIERS)
    ]
    slack = [function_package.manifest_entry("slack", f"slack-{number}") for number in range(NOTIFIERS)]
    with start_harness(options) as harness:
        packages = [_with_slow(harness.unpack(name, "slack", manifest=slow)) for name in ("slow", "slowest")]
        handlers = (function_package.HANDLER, "slow.handler")
        took, slowest = _in_turns(harness, list(zip(packages, handlers, strict=True)), options.repetitions(ROUNDS))
        harness.endpoint.slack_delay = SEND_TIME
        packages = [harness.unpack("ten", "slack", manifest=slack), harness.unpack("one", "slack", manifest=slack[:1])]
        ten, one = _in_turns(
            harness, [(package, function_package.HANDLER) for package in packages], options.repetitions(ROUNDS // 2)
        )
    label = f"{NOTIFIERS} notifiers of {SEND_TIME * 1000:.0f} ms each, with the ledger"
    return Measurement(
        checks=[Check.of(label, compare(took, slowest), BOUND)],
        shown={
            "whole invocation": f"{median(took) * 1000:.0f} ms; a function that only takes as long as the slowest: "
            f"{median(slowest) * 1000:.0f} ms; one after the other: {NOTIFIERS * SEND_TIME * 1000:.0f} ms",
            "ten Slack channels that take 200 ms, over TLS": f"{median(ten) * 1000:.0f} ms; "
            f"a single one: {median(one) * 1000:.0f} ms",
        },
        figures={"seconds": took, "slowest": slowest, "ten_slack": ten, "one_slack": one},
    )


def _with_slow(task_root: Path) -> Path:
    task_root.chmod(0o755)
    (task_root / "slow.py").write_text(SLOW, encoding="utf-8")
    return task_root


def _in_turns(
    harness: FunctionHarness, functions: Sequence[tuple[Path, str]], rounds: int
) -> tuple[Sequence[float], ...]:
    """Return the seconds of each function's invocations in warm processes.

    functions: package and handler
    """
    with ExitStack() as stack:
        processes = [
            stack.enter_context(FunctionProcess(harness.environment, package, handler))
            for package, handler in functions
        ]
        done: list[list[float]] = [[] for _ in processes]
        for each in processes:
            each.runtime.wait_until_ready()
            each.runtime.invoke(sqs_records(parent_event("first")))
        for _ in range(rounds):
            for each, times in zip(processes, done, strict=True):
                times.append(each.runtime.invoke(sqs_records(parent_event("bench"))).duration)
    harness.endpoint.take_requests()
    return tuple(done)
