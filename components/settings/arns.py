"""ARNs of the job queues and job definitions that a stack watches, and of the log groups that it reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from batchbell.provisioning import Context

from .mistakes import got

_QUEUE = re.compile(r"arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:job-queue/[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_DEFINITION = re.compile(
    r"(?P<name>arn:aws[a-z-]*:batch:[a-z0-9-]+:[0-9]{12}:job-definition/[A-Za-z0-9][A-Za-z0-9_-]{0,127})(:[0-9]+)?"
)
# CloudWatch Logs API reference, CreateLogGroup: logGroupName. A policy's wildcards would grant other groups, too.
_LOG_GROUP = re.compile(r"(?P<group>arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9._/#-]{1,512})(:\*)?")
LOG_GROUP_EXAMPLE = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/batch/job"
# Characters of all log groups in the role's policy: IAM allows a role 10,240 in all its inline policies (IAM User
# Guide, "IAM and AWS STS quotas"), and queues, ledger and notifiers take the rest.
LOG_GROUPS_LIMIT = 6_000
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


def log_group_problem(value: Any) -> str | None:
    """Why `value` is not the ARN of a log group, or None."""
    if isinstance(value, str) and _LOG_GROUP.fullmatch(value):
        return None
    return f"{got(value)}; takes the ARN of a log group, without wildcards in its name, for example {LOG_GROUP_EXAMPLE}"


def streams_of(log_group_arn: str) -> str:
    """The ARN of all streams of a log group, which may end with ":*" or not, as AWS shows it in both ways.

    Raises ValueError if `log_group_arn` is not the ARN of a log group.
    """
    match = _LOG_GROUP.fullmatch(log_group_arn)
    if match is None:
        raise ValueError(log_group_problem(log_group_arn))
    return f"{match['group']}:log-stream:*"


def log_groups_problem(arns: Sequence[Any]) -> str | None:
    """Why the function's role has no room for so many log groups, or None. Those not known yet do not count."""
    size = sum(len(streams_of(arn)) + len('"",') for arn in arns if isinstance(arn, str))
    if size <= LOG_GROUPS_LIMIT:
        return None
    return f"takes log groups whose ARNs have at most {LOG_GROUPS_LIMIT:,} characters together, as IAM limits a policy"


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


def log_group_misplacement(arn: str, context: Context) -> str | None:
    """Why the function can never read this log group: it belongs to another account or partition. None if it does not.

    Another region is right: a job's log may be there (`awslogs-region`).
    """
    _, partition, _, _, account, *_ = arn.split(":")
    if (partition, account) == (context.partition, context.account_id):
        return None
    return f"not in this stack's account {context.account_id}; the function reads logs of its own account only"
