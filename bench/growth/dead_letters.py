"""Measures the commands `status` and `redrive`, as processes, with up to 10,000 dead letters on local AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.ticket import Ticket
from bench.growth import curve
from bench.growth.curve import Curve, Sample
from bench.local_stack import LocalStack, deploy
from bench.measurement import Check, Measurement, RunOptions

TITLE = "Growth: dead letters"
SIZES = (1, 10, 100, 1_000, 10_000)
REDRIVEN = (100, 500)  # in a run of everything; with --only, 10,000 too
ROUNDS = 3
BOUND = 5.0  # s, of `status` with 10,000 dead letters
NOTIFIER = "sns"
ENTRIES = 10  # in one SendMessageBatch call (SQS API reference)
COMMAND_TIMEOUT = 120.0  # s
DRAIN_TIMEOUT = 240.0  # s
ATTENTION = 1  # exit code of `status` while there are dead letters
ON_AWS = (
    "`status` reads a sample of 100 dead letters however many there are; SQS moves at most 500 messages a second in a "
    "redrive, so 10,000 take 20 s or more, and keeps dead letters for 14 days"
)


def measure(options: RunOptions) -> Measurement:
    sizes = SIZES[:-1] if options.trial else SIZES
    redriven = REDRIVEN[:1] if options.trial else (*REDRIVEN, max(SIZES)) if options.alone else REDRIVEN
    with deploy(options.project) as stack:
        moved = [_redrive(stack, size) for size in redriven]
        looked = []
        for before, size in zip((0, *sizes), sizes, strict=False):
            _fill(stack, size - before)
            looked.append(Sample.of(size, [_status(stack) for _ in range(options.repetitions(ROUNDS))]))
    curves = [Curve("`status`, s", "dead letters", "dead letter", looked)]
    commands = [Sample.of(size, [command]) for size, (command, _) in zip(redriven, moved, strict=True)]
    drained = [Sample.of(size, [whole]) for size, (_, whole) in zip(redriven, moved, strict=True)]
    redrive = [
        Curve("`redrive`, s", "dead letters", "dead letter", commands),
        Curve("until each is delivered, s", "dead letters", "dead letter", drained),
    ]
    if len(redriven) > 1:
        curves += redrive
    return Measurement(
        checks=[Check(f"`status` with {max(sizes):,} dead letters", looked[-1].value, BOUND, "s")],
        shown=curve.shown(curves, ON_AWS),
        tables=[curve.table("`status`, a process", curves[:1]), curve.table("`redrive`, a process", redrive)],
        figures=curve.figures(curves),
    )


def _status(stack: LocalStack) -> float:
    """Return how many seconds the command takes."""
    return _run(stack, ["status"], ATTENTION)


def _redrive(stack: LocalStack, number: int) -> tuple[float, float]:
    """Return how many seconds the command takes, and until the function has delivered all."""
    _fill(stack, number)
    started = time.monotonic()
    command = _run(stack, ["redrive"], 0)
    stack.wait_until_idle(DRAIN_TIMEOUT)
    return command, time.monotonic() - started


def _run(stack: LocalStack, command: Sequence[str], expected: int) -> float:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "batchbell", *command, "--function", stack.outputs["function_name"], "--json"],
        env={**os.environ, **stack.cloud.environment()},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=COMMAND_TIMEOUT,
        check=False,
    )
    took = time.monotonic() - started
    if done.returncode != expected:
        raise RuntimeError(f"{command[0]} ended with code {done.returncode}: {done.stderr[-500:]}")
    json.loads(done.stdout)
    return took


def _fill(stack: LocalStack, number: int) -> None:
    """Put so many dead letters into the queue, each of a job of its own."""
    sqs, url = stack.cloud.client("sqs"), stack.outputs["dead_letter_queue_url"]
    bodies = list(_dead_letters(stack, number))
    for first in range(0, number, ENTRIES):
        entries = [
            {"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[first : first + ENTRIES])
        ]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def _dead_letters(stack: LocalStack, number: int) -> Iterator[str]:
    now = time.time()
    for place in range(number):
        job = Job.from_event(stack.parent_event(f"dead-{place:05}"))
        ticket = Ticket(compose(job, Failures()), NOTIFIER, "HTTP 404 no_service", now - 60, attempt=1, died=now)
        yield ticket.to_body()
