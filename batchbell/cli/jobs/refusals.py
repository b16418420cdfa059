"""What cannot be run again in part, as far as the API tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.first_job import FirstJob, containers_of
from batchbell.cli.jobs.overrides import Changes
from batchbell.cli.jobs.wrapped_command import unwrap
from batchbell.wire import RERUN_INDEXES

OTHER_WAY = f"With --indexes-variable the command stays as it is and the job reads its indexes from {RERUN_INDEXES}"
_PLACEHOLDER = re.compile(r"Ref::([A-Za-z0-9_-]+)")


def check(batch: BatchApi, job: FirstJob, changes: Changes) -> None:
    """Raises CommandFailed if the job's children cannot be run again with these changes, and botocore's errors."""
    detail, several = job.detail, len(containers_of(job.detail)) > 1
    of_one = bool(detail.get("container"))
    if changes.wrapped and detail.get("eksProperties"):
        raise CommandFailed(f"the job runs on EKS, where its command cannot be wrapped. {OTHER_WAY}")
    if changes.wrapped and not of_one:
        number = "several containers" if several else "its container in ecsProperties"
        raise CommandFailed(f"the job has {number}, whose commands cannot be wrapped. {OTHER_WAY}")
    if (changes.vcpus or changes.memory) and not of_one:
        raise CommandFailed("--set-vcpus and --set-memory are for jobs with one container")
    if changes.wrapped:
        _check_command(unwrap(detail["container"].get("command") or []), detail.get("parameters") or {})
    _check_definition(batch, job.definition)


def _check_command(words: Sequence[str], parameters: Mapping[str, str]) -> None:
    first = substituted(words[0], parameters) if words else ""
    if not first:
        raise CommandFailed(
            "the job has no command of its own: its image's is run, which AWS Batch does not tell, so that it cannot "
            f"be wrapped. {OTHER_WAY}"
        )
    if first.startswith("-"):
        raise CommandFailed(
            f"the job's command begins with an option, so that its image must have an ENTRYPOINT, which would swallow "
            f"the wrapped command. {OTHER_WAY}"
        )


def substituted(word: str, parameters: Mapping[str, Any]) -> str:
    """Replace each `Ref::name`, as Batch does; DescribeJobs may have done so already, its documents do not say."""
    return _PLACEHOLDER.sub(lambda found: str(parameters.get(found[1], found[0])), word)


def _check_definition(batch: BatchApi, definition: str) -> None:
    try:
        registered = batch.is_registered(definition)
    except ClientError as refused:
        if not str(refused.response["Error"]["Code"]).startswith("AccessDenied"):
            raise
        return  # AWS refuses the submission itself
    if not registered:
        raise CommandFailed(
            f"the job definition {definition.rpartition('/')[2]} was deregistered: AWS Batch takes no more jobs of "
            "this revision"
        )
