"""Measures the function's peak memory, and its speed at the processor shares of different memory sizes."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from bench.batch_events import failed_child_summaries, parent_event, sqs_records
from bench.calls import BATCH_SIZE
from bench.function_harness import CHANNELS, FunctionHarness, start_harness
from bench.function_process import FunctionProcess
from bench.measurement import Check, Measurement, RunOptions, Table
from bench.processor_share import MB_OF_A_PROCESSOR, ProcessorShare, ShareUnavailable
from components.delivery import MEMORY_SIZE

TITLE = "Memory and processor"
CHILDREN = 10_000
BOUND = 110.0  # MB
SIZES = (128, MEMORY_SIZE, 442, MB_OF_A_PROCESSOR)  # MB: 1/14, the stack's, 1/4 and one processor
ROUNDS = 7


def measure(options: RunOptions) -> Measurement:
    with start_harness(options) as harness:
        full = harness.unpack("full", *CHANNELS)
        peaks = {reasons: _peak(harness, full, reasons) for reasons in (3, CHILDREN)}
        try:
            sizes = [_time(harness, full, size) for size in SIZES]
            table = Table(
                "Time by memory size, each with its share of a processor; the init phase has a whole processor",
                [
                    "MB",
                    "of a processor",
                    "first job, all three channels",
                    "a later job",
                    "ten jobs at once",
                    "10,000 failed children",
                ],
                [
                    [
                        f"{one['size']}{' (deployed)' if one['size'] == MEMORY_SIZE else ''}",
                        f"1/{MB_OF_A_PROCESSOR / one['size']:.0f}",
                        *(f"{one[name] * 1000:,.0f} ms" for name in ("first", "later", "ten", "failed")),
                    ]
                    for one in sizes
                ],
            )
            shown, tables = {}, [table]
        except ShareUnavailable as reason:
            shown, tables, sizes = {"time by share of a processor": f"not measured: {reason}"}, [], []
    return Measurement(
        checks=[Check("peak memory, 10,000 failed children", max(peaks.values()), BOUND, "MB")],
        shown={
            "peak memory": f"{peaks[3]:.0f} MB with 3 reasons, {peaks[CHILDREN]:.0f} MB with 10,000; "
            f"the stack deploys {MEMORY_SIZE} MB",
            **shown,
        },
        tables=tables,
        figures={"peak": {str(reasons): peak for reasons, peak in peaks.items()}, "sizes": sizes},
    )


def _peak(harness: FunctionHarness, task_root: Path, reasons: int) -> float:
    with harness.warm_process(task_root) as function:
        function.runtime.invoke(sqs_records(parent_event("first")))
        _time_failed_array(harness, function, reasons)
        return function.peak_memory()


def _time_failed_array(harness: FunctionHarness, function: FunctionProcess, reasons: int) -> float:
    """Return the seconds of an invocation for an array whose children all failed, for so many reasons."""
    harness.endpoint.set_failed_children(failed_child_summaries("bench", CHILDREN, reasons))
    done = function.runtime.invoke(sqs_records(parent_event("failed", size=CHILDREN, failed=CHILDREN)))
    harness.endpoint.take_requests()
    return done.duration


def _time(harness: FunctionHarness, task_root: Path, size: int) -> dict[str, Any]:
    """Return the seconds of invocations with the processor share of so many MB; memory itself is not limited.

    The invocations: the first one, a later one, one with a full batch of jobs, and one for a failed array.
    """
    rounds = harness.options.repetitions(ROUNDS)
    with ProcessorShare(size / MB_OF_A_PROCESSOR) as share, harness.warm_process(task_root) as function:
        function.limit(share)
        done = [function.runtime.invoke(sqs_records(parent_event("bench"))) for _ in range(1 + rounds)]
        many = sqs_records(*(parent_event("bench") for _ in range(BATCH_SIZE)))
        ten = [function.runtime.invoke(many) for _ in range(rounds)]
        failed = _time_failed_array(harness, function, reasons=3)
    first, *later = [one.duration for one in done]
    at_once = median(one.duration for one in ten)
    return {"size": size, "first": first, "later": median(later), "ten": at_once, "failed": failed}
