"""Measures the function with 1 to 50 notifiers: Slack webhooks, the most expensive of ours, each with a connection."""

from __future__ import annotations

from contextlib import ExitStack

from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.canned_responses import SLACK
from bench.function_harness import start_harness
from bench.function_process import start_cold
from bench.growth import curve
from bench.growth.curve import Curve, Sample
from bench.measurement import Measurement, RunOptions

TITLE = "Growth: notifiers"
SIZES = (1, 2, 5, 10, 20, 50)
WARM_ROUNDS, COLD_ROUNDS = 9, 3
ON_AWS = (
    "a function has 1,024 threads and 1,024 descriptors (Lambda quotas): 50 notifiers use a tenth; each has a thread, "
    "a connection and two writes to the ledger, of which a new table takes 4,000 a second"
)


def measure(options: RunOptions) -> Measurement:
    event = sqs_records(parent_event("bench"))
    warm: dict[int, list[float]] = {size: [] for size in SIZES}
    cold: dict[int, list[float]] = {size: [] for size in SIZES}
    with start_harness(options) as harness, ExitStack() as stack:
        roots = {
            size: harness.unpack(
                f"notifiers-{size}",
                "slack",
                manifest=[function_package.manifest_entry("slack", f"slack-{number}") for number in range(size)],
            )
            for size in SIZES
        }
        # In turns, so that other load on the machine affects all sizes.
        for _ in range(options.repetitions(COLD_ROUNDS)):
            for size, root in roots.items():
                start = start_cold(harness.environment, root, function_package.HANDLER, event, [SLACK])
                cold[size].append(start.delivered * 1000)
        functions = {size: stack.enter_context(harness.warm_process(root)) for size, root in roots.items()}
        for function in functions.values():
            function.runtime.invoke(event)
        for _ in range(options.repetitions(WARM_ROUNDS)):
            for size, function in functions.items():
                warm[size].append(function.runtime.invoke(sqs_records(parent_event("bench"))).duration * 1000)
        harness.endpoint.take_requests()
        memory = {size: [function.peak_memory()] for size, function in functions.items()}
    curves = [
        Curve(what, "notifiers", "notifier", [Sample.of(size, values[size]) for size in SIZES])
        for what, values in (
            ("a later job, ms", warm),
            ("cold start to the last message, ms", cold),
            ("peak memory, MB", memory),
        )
    ]
    return Measurement(
        shown=curve.shown(curves, ON_AWS),
        tables=[curve.table("One job for so many Slack notifiers", curves)],
        figures=curve.figures(curves),
    )
