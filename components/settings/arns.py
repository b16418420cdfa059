"""ARNs of the job queues and job definitions that a stack watches."""

from __future__ import annotations

import re
from typing import Any

from batchbell.provisioning import Context

from .mistakes import got

_QUEUE = re.compile(r"arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:job-queue/[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_DEFINITION = re.compile(
    r"(?P<name>arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:job-definition/[A-Za-z0-9][A-Za-z0-9_-]{0,127})(:[0-9]+)?"
)
_EXAMPLE = "arn:aws:batch:us-east-1:123456789012:{}"


def queue_problem(value: Any) -> str | None:
    """Why `value` is not the ARN of a job queue, or None."""
    if isinstance(value, str) and _QUEUE.fullmatch(value):
        return None
    return f"{got(value)}; takes the ARN of a job queue, for example " + _EXAMPLE.format("job-queue/nightly")


def definition_problem(value: Any) -> str | None:
    """Why `value` is not the ARN of a job definition, with or without a revision, or None."""
    if isinstance(value, str) and _DEFINITION.fullmatch(value):
        return None
    return f"{got(value)}; takes the ARN of a job definition, for example " + _EXAMPLE.format("job-definition/nightly")


def any_revision(definition_arn: str) -> str:
    """The prefix of every revision's ARN. It ends with the colon, so no other definition has it.

    Raises ValueError if `definition_arn` is not the ARN of a job definition.
    """
    match = _DEFINITION.fullmatch(definition_arn)
    if match is None:
        raise ValueError(definition_problem(definition_arn))
    return f"{match['name']}:"


def misplacement(arn: str, context: Context) -> str | None:
    """Why a rule for this ARN would never fire: it belongs to another region or account. None if it does not."""
    if f":batch:{context.region}:{context.account_id}:" in arn:
        return None
    place = f"region {context.region} and account {context.account_id}"
    return f"not in this stack's {place}; its events never arrive here"
