"""What a stack watches: ARNs of job queues and job definitions, and the event pattern that they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, get_args

from batchbell.provisioning import Context

from .errors import got

# States of a job (AWS Batch User Guide, "Job states").
Status = Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
STATUSES: tuple[str, ...] = get_args(Status)
# The parent of an array never runs itself (AWS Batch User Guide, "Array job workflow").
PARENT_STATUSES = ("SUBMITTED", "PENDING", "SUCCEEDED", "FAILED")

# What messages have: a job's state, or what a blocked job queue has in its place.
MessageStatus = Literal[Status, "BLOCKED"]
MESSAGE_STATUSES: tuple[str, ...] = get_args(MessageStatus)
BLOCKED: MessageStatus = "BLOCKED"

DETAIL_TYPE = "Batch Job State Change"
BLOCKED_DETAIL_TYPE = "Batch Job Queue Blocked"
PATTERN_LIMIT = 2048  # characters; EventBridge quotas, "Event pattern size"

_QUEUE = re.compile(r"arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:job-queue/[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_DEFINITION = re.compile(
    r"(?P<name>arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:job-definition/[A-Za-z0-9][A-Za-z0-9_-]{0,127})(:[0-9]+)?"
)


_EXAMPLE = "arn:aws:batch:us-east-1:123456789012:{}"


class PatternTooLong(ValueError):
    """AWS would refuse the event pattern."""


def queue_problem(value: Any) -> str | None:
    """What is wrong with the ARN of a job queue, or None."""
    if isinstance(value, str) and _QUEUE.fullmatch(value):
        return None
    return f"{got(value)}; takes the ARN of a job queue, for example " + _EXAMPLE.format("job-queue/nightly")


def definition_problem(value: Any) -> str | None:
    """What is wrong with the ARN of a job definition, with or without a revision, or None."""
    if isinstance(value, str) and _DEFINITION.fullmatch(value):
        return None
    return f"{got(value)}; takes the ARN of a job definition, for example " + _EXAMPLE.format("job-definition/nightly")


def any_revision(definition_arn: str) -> str:
    """The prefix that each revision's ARN has, and no other definition's: it ends with the colon.

    Raises ValueError for what is no ARN of a job definition.
    """
    match = _DEFINITION.fullmatch(definition_arn)
    if match is None:
        raise ValueError(definition_problem(definition_arn))
    return f"{match['name']}:"


def event_pattern(
    statuses: Sequence[str], queue_arns: Sequence[str], definition_arns: Sequence[str], *, single_jobs: bool
) -> dict[str, Any]:
    """The pattern that matches finished array jobs by their parent alone.

    Only a parent has `arrayProperties.size`; `index exists:false` beside it is a safeguard. The widely copied filter
    `container.containerInstanceArn exists:false` also matches every child on Fargate and EKS, and every child that
    failed before it was placed (measured with AWS's own event-ruler). Raises PatternTooLong.
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
    return {"source": ["aws.batch"], "detail-type": [DETAIL_TYPE], "detail": detail}


def blocked_pattern(queue_arns: Sequence[str], definition_arns: Sequence[str]) -> dict[str, Any]:
    """The pattern that matches blocked queues: the watched ones, whatever job blocks them, or, where only definitions
    are watched, those that a job of theirs blocks."""
    detail = _in_queues(queue_arns) or _of_definitions(definition_arns)
    return {"source": ["aws.batch"], "detail-type": [BLOCKED_DETAIL_TYPE], "detail": detail}


def _in_queues(arns: Sequence[str]) -> dict[str, Any]:
    return {"jobQueue": list(arns)} if arns else {}


def _of_definitions(arns: Sequence[str]) -> dict[str, Any]:
    return {"jobDefinition": [{"prefix": any_revision(arn)} for arn in arns]} if arns else {}


def check_length(pattern: str) -> str:
    """The pattern's JSON as it is. Raises PatternTooLong."""
    if len(pattern) > PATTERN_LIMIT:
        raise PatternTooLong(
            f"the event pattern has {len(pattern)} characters and AWS takes {PATTERN_LIMIT}: watch fewer job queues "
            "and job definitions, or make a second stack for the rest"
        )
    return pattern


def misplacement(arn: str, context: Context) -> str | None:
    """Why a rule for this ARN would never fire: it is of another region or account. None if it is of the stack's."""
    if f":batch:{context.region}:{context.account_id}:" in arn:
        return None
    place = f"region {context.region} and account {context.account_id}"
    return f"not in this stack's {place}; its events never come here"
