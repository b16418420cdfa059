"""Measures how long commands take, from the start of their process to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from batchbell_local.deployment import NOT_INHERITED
from bench.batch_events import parent_event
from bench.local_stack import LocalStack, deploy
from bench.measurement import Check, Measurement, RunOptions, Table
from bench.spread import Spread

TITLE = "Commands"
ROUNDS = 7
ROUNDS_OF_MANY = 5
DEAD_LETTERS = 10_000
EVENT = "tests/events/parent-failed.json"
BATCH = 10  # messages in one SendMessageBatch (SQS API reference)
HELP, EXPLAIN, STATUS, STATUS_OF_MANY = (
    "batchbell --help",
    "batchbell explain",
    "batchbell status",
    f"batchbell status, {DEAD_LETTERS:,} dead letters",
)
BOUNDS = {HELP: 0.3, EXPLAIN: 1.0, STATUS: 1.0, STATUS_OF_MANY: 5.0}  # seconds
NOTHING_TO_DO, NEEDS_ATTENTION = 0, 1  # exit codes of `status`


class CommandFailed(Exception):
    """A command ended with another exit code than it should; the text has its output."""


@dataclass(frozen=True)
class Run:
    """What one run of a command took, in seconds."""

    seconds: float
    processor: float


def measure(options: RunOptions) -> Measurement:
    with deploy(options.project) as stack:
        environment = _environment(stack)
        status = ["status", "--function", stack.outputs["function_name"]]
        commands = {HELP: ["--help"], EXPLAIN: ["explain", EVENT], STATUS: status}
        runs: dict[str, list[Run]] = {name: [] for name in BOUNDS}
        for _ in range(options.repetitions(ROUNDS)):
            for name, arguments in commands.items():
                runs[name].append(_run(options, arguments, environment, NOTHING_TO_DO))
        _fill(stack, 100 if options.trial else DEAD_LETTERS)
        for _ in range(options.repetitions(ROUNDS_OF_MANY)):
            runs[STATUS_OF_MANY].append(_run(options, status, environment, NEEDS_ATTENTION))
    return Measurement(
        checks=[
            Check.of(name, Spread.of([one.seconds for one in each]), BOUNDS[name], "s") for name, each in runs.items()
        ],
        tables=[
            Table(
                "Commands",
                ["command", "time", "processor time"],
                [
                    [
                        name,
                        f"{median(one.seconds for one in each):.2f} s",
                        f"{median(one.processor for one in each):.2f} s",
                    ]
                    for name, each in runs.items()
                ],
            )
        ],
        figures={
            name: {"seconds": [one.seconds for one in each], "processor": [one.processor for one in each]}
            for name, each in runs.items()
        },
    )


def _environment(stack: LocalStack) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return {**kept, **stack.cloud.environment(), "TERM": "dumb"}


def _run(options: RunOptions, arguments: Sequence[str], environment: Mapping[str, str], code: int) -> Run:
    """Raises CommandFailed."""
    before, started = os.times(), time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "batchbell", *arguments],
        cwd=options.project,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    seconds, after = time.monotonic() - started, os.times()
    if ended.returncode != code:
        raise CommandFailed(f"{arguments[0]}: exit code {ended.returncode}: {ended.stderr[-1000:]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, used)


def _fill(stack: LocalStack, number: int) -> None:
    """Put events into the dead-letter queue, as a rule does that cannot reach the intake queue."""
    sqs, url = stack.cloud.client("sqs"), stack.outputs["dead_letter_queue_url"]
    bodies = [json.dumps(parent_event(f"lost-{index}")) for index in range(number)]
    for first in range(0, number, BATCH):
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies[first : first + BATCH])]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
