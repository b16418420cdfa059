"""What a message says about reruns: of a failed job the command that starts one, of a rerun what it repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from batchbell.contract import Command, Fact
from batchbell.dispatcher.messages.failed_children import count_failed
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.records.job import Job
from batchbell.wire import RERUN_NAME_TAG, RERUN_REASON_TAG

# Whoever can put an event on the bus chooses its texts, and people paste this command into a shell.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{1,20}){1,3}-[0-9]{1,2}")


def command(job: Job) -> Command | None:
    """Return the command that runs the job's failed children again; None if none can be."""
    has_children = job.is_parent or bool(job.first_arn)
    if not job.failed or not has_children or not _ID.fullmatch(job.id) or not _REGION.fullmatch(job.region):
        return None
    return Command("To run again what failed", f"python -m batchbell rerun {job.id} --region {job.region}")


def title(job: Job, failures: Failures) -> str:
    """`job`: a rerun."""
    name = (job.tags or {}).get(RERUN_NAME_TAG) or job.name
    size = job.array_size or 1
    if job.status == "SUCCEEDED":
        return f"rerun of {name}: {size:,} of {size:,} now succeeded"
    if not job.failed:
        return f"rerun of {name} is {job.status}"
    return f"rerun of {name} failed{count_failed(job, failures).outcome if job.is_parent else ''}"


def facts(job: Job) -> Iterator[Fact]:
    """What only a rerun has."""
    if job.first_arn:
        yield Fact("First job", job.first_arn.rpartition("/")[2])
        if reason := (job.tags or {}).get(RERUN_REASON_TAG):
            yield Fact("Reason of the rerun", reason)
