"""The EventBridge rule for finished jobs and blocked job queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import pulumi

from batchbell.provisioning import Context

from .event_patterns import blocked_queue_pattern, finished_job_pattern, joined_pattern, pattern_json
from .queue_rule import QueueRule
from .settings.arns import definition_problem, misplacement, queue_problem

# ARNs of job queues and of job definitions → an event pattern.
MakePattern = Callable[[Sequence[str], Sequence[str]], Mapping[str, Any]]


@dataclass(frozen=True)
class Watched:
    """The ARNs that a stack watches. Events must match one queue and one definition; an empty list allows all."""

    queue_arns: Sequence[pulumi.Input[str]]
    definition_arns: Sequence[pulumi.Input[str]]


class BatchEventRule(QueueRule):
    """An EventBridge rule over the watched job queues and job definitions.

    Plain ARNs were checked with the settings; ARNs that are Outputs are checked as soon as their values are known.
    """

    def __init__(
        self,
        token: str,
        name: str,
        context: Context,
        watched: Watched,
        *,
        description: str,
        make_pattern: MakePattern,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`token`: as for `QueueRule`."""

        def pattern(arns: Sequence[Sequence[str]]) -> str:
            queue_arns, definition_arns = arns
            _check_arns(queue_arns, definition_arns, context)
            return pattern_json(make_pattern(queue_arns, definition_arns))

        arns: list[list[Any]] = [list(watched.queue_arns), list(watched.definition_arns)]
        has_outputs = any(isinstance(arn, pulumi.Output) for arn in chain(*arns))
        # Plain ARNs are checked here and now, before anything else is created.
        event_pattern = pulumi.Output.from_input(arns).apply(pattern) if has_outputs else pattern(arns)
        super().__init__(token, name, context, description=description, event_pattern=event_pattern, opts=opts)


def _check_arns(queue_arns: Sequence[str], definition_arns: Sequence[str], context: Context) -> None:
    problems = [problem for arn in queue_arns if (problem := queue_problem(arn))]
    problems += [problem for arn in definition_arns if (problem := definition_problem(arn))]
    problems += [f"{arn} is {why}" for arn in (*queue_arns, *definition_arns) if (why := misplacement(arn, context))]
    if problems:
        raise pulumi.RunError("; ".join(problems))


def batch_event_rule(
    name: str,
    context: Context,
    watched: Watched,
    *,
    statuses: Sequence[str],
    single_jobs: bool,
    queue_blocked: bool,
    opts: pulumi.ResourceOptions,
) -> BatchEventRule:
    """Create the rule for finished jobs and, with `queue_blocked`, for blocked job queues."""
    finished = partial(finished_job_pattern, statuses, single_jobs=single_jobs)

    def both(queue_arns: Sequence[str], definition_arns: Sequence[str]) -> Mapping[str, Any]:
        return joined_pattern(finished(queue_arns, definition_arns), blocked_queue_pattern(queue_arns, definition_arns))

    return BatchEventRule(
        "batchbell:index:ParentJobRule",
        name,
        context,
        watched,
        description="Finished AWS Batch array jobs: matches the parent only, so one event per array"
        + ("; and blocked job queues" if queue_blocked else ""),
        make_pattern=both if queue_blocked else finished,
        opts=opts,
    )
