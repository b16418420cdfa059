"""Measures the function's peak memory, and its time and cost at the processor shares of different memory sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench import prices
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
SIZES = (MEMORY_SIZE, 512, 1024, MB_OF_A_PROCESSOR)  # MB
ROUNDS = 5
GIGABYTE = 1024  # MB
# Array jobs a day, and whether each starts a process. Lambda does not say how long it keeps an idle one; minutes, as a
# rule.
RATES = ((10, True), (1_000, False), (100_000, False))


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
            shown, tables = {}, [table, _costs(sizes)]
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

    The invocations: the first one, a later one, one with a full batch of jobs, and one for a failed array. Before them,
    the init phase.
    """
    rounds = harness.options.repetitions(ROUNDS)
    with ProcessorShare(size / MB_OF_A_PROCESSOR) as share, FunctionProcess(harness.environment, task_root) as function:
        ready = function.runtime.wait_until_ready() - function.started
        function.limit(share)
        done = [function.runtime.invoke(sqs_records(parent_event("bench"))) for _ in range(1 + rounds)]
        many = sqs_records(*(parent_event("bench") for _ in range(BATCH_SIZE)))
        ten = [function.runtime.invoke(many) for _ in range(rounds)]
        failed = _time_failed_array(harness, function, reasons=3)
    first, *later = [one.duration for one in done]
    at_once = median(one.duration for one in ten)
    return {"size": size, "ready": ready, "first": first, "later": median(later), "ten": at_once, "failed": failed}


def _costs(sizes: Sequence[Mapping[str, Any]]) -> Table:
    """What the function alone costs in a month, with channels that answer at once."""
    columns = [
        f"{rate:,} jobs a day, {'each in a new process' if is_cold else 'in warm processes'}" for rate, is_cold in RATES
    ]
    return Table(
        f"Lambda's price for {prices.DAYS_A_MONTH} days by memory size",
        ["MB", *columns],
        [
            [str(one["size"]), *(f"${monthly_cost(one, rate, is_cold=is_cold):,.2f}" for rate, is_cold in RATES)]
            for one in sizes
        ],
    )


def monthly_cost(times: Mapping[str, Any], rate: int, *, is_cold: bool) -> float:
    """Calculate what Lambda charges, without a free tier.

    times: seconds, for a size in MB
    rate: array jobs a day, each in an invocation of its own
    is_cold: whether each starts a process: the init phase is billed since August 2025 (AWS Compute Blog, "AWS Lambda
        standardizes billing for INIT Phase")
    """
    seconds = times["ready"] + times["first"] if is_cold else times["later"]
    each = prices.LAMBDA_REQUEST + seconds * times["size"] / GIGABYTE * prices.LAMBDA_GB_SECOND
    return rate * prices.DAYS_A_MONTH * float(each)
