"""Measures the function on an array job of which 0 to 10,000 children failed, each for a reason of its own."""

from __future__ import annotations

from bench.batch_events import failed_child_summaries, parent_event, sqs_records
from bench.function_harness import CHANNELS, start_harness
from bench.growth import curve
from bench.growth.curve import Curve, Sample
from bench.measurement import Measurement, RunOptions

TITLE = "Growth: failed children"
SIZES = (0, 10, 100, 1_000, 5_000, 10_000)  # AWS Batch allows 10,000 children in an array
ROUNDS = 5
ON_AWS = (
    "10,000 children are 10 calls of ListJobs, of the 50 a second that an account has for all calls of AWS Batch: "
    "5 such arrays a second take all of them; more are reported without their groups"
)


def measure(options: RunOptions) -> Measurement:
    took: dict[int, list[float]] = {size: [] for size in SIZES}
    memory: dict[int, list[float]] = {}
    calls: dict[int, list[float]] = {}
    with start_harness(options) as harness, harness.warm_process(harness.unpack("full", *CHANNELS)) as function:
        function.runtime.invoke(sqs_records(parent_event("first")))
        for _ in range(options.repetitions(ROUNDS)):
            for size in SIZES:  # rising, so that the peak of the first round is that of the size
                harness.endpoint.set_failed_children(failed_child_summaries("bench", size, reasons=max(1, size)))
                harness.endpoint.take_requests()
                event = sqs_records(parent_event("bench", size=max(SIZES), failed=size))
                took[size].append(function.runtime.invoke(event).duration * 1000)
                memory.setdefault(size, [function.peak_memory()])
                listed = [one for one in harness.endpoint.take_requests() if one.action == "batch:ListJobs"]
                calls[size] = [len(listed)]
    curves = [
        Curve(what, "failed children", "child", [Sample.of(size, values[size]) for size in SIZES])
        for what, values in (("an invocation, ms", took), ("peak memory, MB", memory))
    ]
    listing = Curve("calls of ListJobs", "failed children", "child", [Sample.of(size, calls[size]) for size in SIZES])
    return Measurement(
        shown=curve.shown(curves, ON_AWS),
        tables=[curve.table("One job, all three channels", [*curves, listing])],
        figures=curve.figures(curves),
    )
