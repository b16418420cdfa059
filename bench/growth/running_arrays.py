"""Measures a sweep that finds 1 to 1,000 arrays running, on local AWS, by the function's own log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.growth import curve
from bench.growth.curve import Curve, Sample
from bench.local_stack import LocalStack, deploy, wait_until
from bench.measurement import Measurement, RunOptions

TITLE = "Growth: running arrays"
SIZES = (1, 10, 100, 500, 1_000)
ROUNDS = 3
CHILDREN = 2
TIMEOUT = 120.0  # s, until a sweep has ended
ON_AWS = (
    "three calls of AWS Batch for a job queue with up to 1,000 arrays, of the 50 a second that an account has for all; "
    "the function has a seventh of a processor there, so a sweep takes several times as long as here"
)
WATCHING: Mapping[str, Any] = {
    "watch_every": 5,
    "early_failures": {"percent": 20, "at_least": 5},
    "stalled_after": 60,
    "notifiers": [{"type": "sns", "name": "sns"}],
}


def measure(options: RunOptions) -> Measurement:
    sizes = SIZES[:3] if options.trial else SIZES
    first: list[Sample] = []
    later: list[Sample] = []
    calls: list[Sample] = []
    with deploy(options.project, WATCHING) as stack:
        stack.cloud.jobs.hold(stack.job_queue)
        started = 0
        for size in sizes:
            _start(stack, size - started)
            started = size
            # The first sweep remembers the arrays that are new; later ones find what they know.
            new, *known = [_sweep(stack) for _ in range(1 + options.repetitions(ROUNDS))]
            if {one["running"] for one in (new, *known)} != {size}:
                raise RuntimeError(f"a sweep did not find {size} running arrays")
            first.append(Sample.of(size, [new["seconds"]]))
            later.append(Sample.of(size, [one["seconds"] for one in known]))
            calls.append(Sample.of(size, [one["calls"] for one in known]))
    curves = [
        Curve("a sweep that finds what it knows, s", "running arrays", "array", later),
        Curve("the sweep that sees them first, s", "running arrays", "array", first),
    ]
    counted = Curve("calls of AWS Batch", "running arrays", "array", calls)
    return Measurement(
        shown=curve.shown(curves, ON_AWS),
        tables=[curve.table("A sweep of one job queue", [*curves, counted])],
        figures=curve.figures(curves),
    )


def _start(stack: LocalStack, number: int) -> None:
    """Submit so many arrays, whose children wait."""
    batch, outputs = stack.cloud.client("batch"), stack.outputs
    for _ in range(number):
        batch.submit_job(
            jobName="running",
            jobQueue=outputs["job_queue_name"],
            jobDefinition=outputs["job_definition_name"],
            arrayProperties={"size": CHILDREN},
        )


def _sweep(stack: LocalStack) -> Mapping[str, Any]:
    """Fire the schedule, and return what the function logs of the sweep."""
    known = len(_logged(stack))
    rules = stack.cloud.client("events").list_rules()["Rules"]
    stack.cloud.rules.fire(next(rule["Name"] for rule in rules if rule.get("ScheduleExpression")))
    wait_until(lambda: len(_logged(stack)) > known, TIMEOUT)
    return _logged(stack)[-1]


def _logged(stack: LocalStack) -> list[Mapping[str, Any]]:
    lines = [json.loads(line) for _, line in stack.log('"sweep"') if line.startswith("{")]
    return [line for line in lines if line.get("message") == "sweep"]
