"""The sweeps of a stack that asks for them: their schedule, the function's rights, and what they look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pulumi

from batchbell.provisioning import Context, Statement
from batchbell.wire import ENDED, SWEEP, Status, Watch

from .event_rules import Watched
from .queue_rule import QueueRule
from .settings.model import Settings
from .settings.statuses import BLOCKED

SWEEP_VERSION = 1


def sweep_schedule(name: str, context: Context, minutes: int, opts: pulumi.ResourceOptions) -> QueueRule:
    """Put a record into the queue every so many minutes."""
    # A value of 1 takes the singular, any other the plural (EventBridge User Guide, "Rate expressions reference").
    unit = "minute" if minutes == 1 else "minutes"
    return QueueRule(
        "batchbell:index:SweepSchedule",
        name,
        context,
        description="Has the function look at the array jobs that run",
        schedule=f"rate({minutes} {unit})",
        target_input=json.dumps({SWEEP: SWEEP_VERSION}),
        opts=opts,
    )


def statuses_of_events(settings: Settings, *, progress: bool) -> Sequence[str]:
    """Return the job states that must reach the function.

    progress: whether there are live messages: they end with their job, also where no message tells that end
    """
    return tuple(dict.fromkeys((*settings.statuses, *ENDED))) if progress else settings.statuses


def statuses_of_messages(settings: Settings, events: Sequence[str]) -> Sequence[str]:
    """Return the `statuses` of a notifier that names none; empty where each event that comes is asked for."""
    return () if set(events) == set(settings.statuses) else (*settings.statuses, BLOCKED, *Status)


def watch_of(settings: Settings, watched: Watched, events: Sequence[str]) -> Watch:
    """Return what sweeps look at, for the function's manifest. Its ARNs may be Outputs.

    events: as `statuses_of_events` returns them
    """
    queues: list[Any] = list(watched.queue_arns)
    definitions: list[Any] = list(watched.definition_arns)
    watch: Watch = {
        "queues": queues,
        "definitions": definitions,
        "statuses": list(events),
    }
    if early := settings.early_failures:
        watch["early_failures"] = {"percent": early.percent, "at_least": early.at_least}
    if settings.overdue_after:
        watch["overdue_after"] = [{"jobs": one.jobs, "minutes": one.minutes} for one in settings.overdue_after]
    if settings.stalled_after:
        watch["stalled_after"] = settings.stalled_after
    return watch


def rights_of_sweeps(ledger_arn: pulumi.Input[str]) -> Sequence[Statement]:
    """Return what the function needs for sweeps beside its rights for events."""
    return [
        Statement(("dynamodb:GetItem", "dynamodb:BatchGetItem"), (ledger_arn,)),
        # AWS supports no resource ARNs for these two (Service Authorization Reference, "AWS Batch").
        Statement(("batch:DescribeJobQueues", "batch:DescribeComputeEnvironments"), ("*",)),
    ]
