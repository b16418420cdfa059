"""The most memory that the function takes, and what a smaller share of a processor costs in time: its size follows."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from bench.calls import AT_ONCE
from bench.finding import Check, Finding, Order, Table
from bench.function_process import FunctionProcess
from bench.jobs import as_records, failed_children, finish_array
from bench.processor_share import MB_OF_A_PROCESSOR, NoShare, ProcessorShare
from bench.rig import CHANNELS, Rig, set_up
from components.delivery import MEMORY_SIZE

TITLE = "Memory and processor"
CHILDREN = 10_000
BOUND = 110.0  # MB
SIZES = (128, MEMORY_SIZE, 442, MB_OF_A_PROCESSOR)  # MB: 1/14, the stack's, 1/4 and one processor
WARM = 7


def measure(order: Order) -> Finding:
    with set_up(order) as rig:
        full = rig.unpack("full", *CHANNELS)
        peaks = {reasons: _peak(rig, full, reasons) for reasons in (3, CHILDREN)}
        try:
            sizes = [_time(rig, full, size) for size in SIZES]
            table = Table(
                "Time by the share of a processor that a size of memory gives; init has a whole one",
                [
                    "MB",
                    "of a processor",
                    "first job, all three channels",
                    "a later one",
                    "ten at once",
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
        except NoShare as reason:
            shown, tables, sizes = {"time by share of a processor": f"not measured: {reason}"}, [], []
    return Finding(
        checks=[Check("peak memory, 10,000 failed children", max(peaks.values()), BOUND, "MB")],
        shown={
            "peak memory": f"{peaks[3]:.0f} MB with 3 reasons, {peaks[CHILDREN]:.0f} MB with 10,000; "
            f"{MEMORY_SIZE} MB are deployed",
            **shown,
        },
        tables=tables,
        figures={"peak": {str(reasons): peak for reasons, peak in peaks.items()}, "sizes": sizes},
    )


def _peak(rig: Rig, task_root: Path, reasons: int) -> float:
    with rig.warm(task_root) as function:
        function.runtime.invoke(as_records(finish_array("first")))
        _fail(rig, function, reasons)
        return function.peak_memory()


def _fail(rig: Rig, function: FunctionProcess, reasons: int) -> float:
    """Seconds of an invocation for an array of which all children failed."""
    rig.endpoint.let_fail(failed_children("bench", CHILDREN, reasons))
    done = function.runtime.invoke(as_records(finish_array("failed", size=CHILDREN, failed=CHILDREN)))
    rig.endpoint.take()
    return done.ended - done.began


def _time(rig: Rig, task_root: Path, size: int) -> dict[str, Any]:
    """Seconds with that much memory, but for the memory itself: the first invocation, a later one, one with as many
    jobs as the intake's mapping hands over, and one for a failed array."""
    times = rig.order.times(WARM)
    with ProcessorShare(size / MB_OF_A_PROCESSOR) as share, rig.warm(task_root) as function:
        function.limit(share)
        done = [function.runtime.invoke(as_records(finish_array("bench"))) for _ in range(1 + times)]
        many = as_records(*(finish_array("bench") for _ in range(AT_ONCE)))
        ten = [function.runtime.invoke(many) for _ in range(times)]
        failed = _fail(rig, function, reasons=3)
    first, *later = [one.ended - one.began for one in done]
    at_once = median(one.ended - one.began for one in ten)
    return {"size": size, "first": first, "later": median(later), "ten": at_once, "failed": failed}
