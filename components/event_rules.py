"""EventBridge rules for finished jobs and for blocked job queues: their event patterns, and the component."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import pulumi

from batchbell.provisioning import Context
from batchbell.wire import DetailType

from .queue_rule import QueueRule
from .settings.arns import any_revision, definition_problem, misplacement, queue_problem

PATTERN_LIMIT = 2048  # characters; EventBridge quotas, "Event pattern size"

# ARNs of job queues and of job definitions → an event pattern.
MakePattern = Callable[[Sequence[str], Sequence[str]], Mapping[str, Any]]


def finished_job_pattern(
    statuses: Sequence[str], queue_arns: Sequence[str], definition_arns: Sequence[str], *, single_jobs: bool
) -> dict[str, Any]:
    """Match array jobs in one of `statuses`, by their parent only; with `single_jobs`, also jobs that are not arrays.

    Only a parent has `arrayProperties.size`; `index exists:false` beside it is a safeguard. The widely copied filter
    `container.containerInstanceArn exists:false` also matches every child on Fargate and EKS, and every child that
    failed before it was placed (measured with AWS's own event-ruler).
    """
    detail: dict[str, Any] = {
        "status": list(statuses),
        **_in_queues(queue_arns),
        **_of_definitions(definition_arns),
    }
    if single_jobs:
        # A leaf that must not exist also matches when the whole object is missing (measured).
        detail["arrayProperties"] = {"index": [{"exists": False}]}
        detail["nodeDetails"] = {"nodeIndex": [{"exists": False}]}
    else:
        detail["arrayProperties"] = {"size": [{"exists": True}], "index": [{"exists": False}]}
    return {"source": ["aws.batch"], "detail-type": [DetailType.JOB_STATE_CHANGE.value], "detail": detail}


def blocked_queue_pattern(queue_arns: Sequence[str], definition_arns: Sequence[str]) -> dict[str, Any]:
    """Match blocked job queues: the watched ones, whichever job blocks them.

    If only definitions are watched, match every queue that is blocked by a job with one of these definitions.
    """
    detail = _in_queues(queue_arns) or _of_definitions(definition_arns)
    return {"source": ["aws.batch"], "detail-type": [DetailType.QUEUE_BLOCKED.value], "detail": detail}


def _in_queues(arns: Sequence[str]) -> dict[str, Any]:
    return {"jobQueue": list(arns)} if arns else {}


def _of_definitions(arns: Sequence[str]) -> dict[str, Any]:
    return {"jobDefinition": [{"prefix": any_revision(arn)} for arn in arns]} if arns else {}


def pattern_json(pattern: Mapping[str, Any]) -> str:
    """Raises pulumi.RunError if the pattern is longer than AWS accepts."""
    text = json.dumps(pattern, separators=(",", ":"))
    if len(text) > PATTERN_LIMIT:
        raise pulumi.RunError(
            f"the event pattern has {len(text)} characters and AWS takes {PATTERN_LIMIT}: watch fewer job queues "
            "and job definitions, or watch the others in a second stack"
        )
    return text


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


def finished_job_rule(
    name: str,
    context: Context,
    watched: Watched,
    *,
    statuses: Sequence[str],
    single_jobs: bool,
    opts: pulumi.ResourceOptions,
) -> BatchEventRule:
    return BatchEventRule(
        "batchbell:index:ParentJobRule",
        name,
        context,
        watched,
        description="Finished AWS Batch array jobs: matches the parent only, so one event per array",
        make_pattern=partial(finished_job_pattern, statuses, single_jobs=single_jobs),
        opts=opts,
    )


def blocked_queue_rule(
    name: str, context: Context, watched: Watched, *, opts: pulumi.ResourceOptions
) -> BatchEventRule:
    return BatchEventRule(
        "batchbell:index:BlockedQueueRule",
        name,
        context,
        watched,
        description="Blocked AWS Batch job queues",
        make_pattern=blocked_queue_pattern,
        opts=opts,
    )
