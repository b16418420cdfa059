"""The array of which children failed, as DescribeJobs tells of it; it may be a rerun itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.job_reference import JobReference
from batchbell.dispatcher.records.index_ranges import parse_ranges
from batchbell.texts import one_line
from batchbell.wire import RERUN_ARRAY_SIZE, RERUN_INDEXES, RERUN_TAG

SHOWN_NAME = 200  # characters; AWS takes 128


@dataclass(frozen=True)
class FirstJob:
    """A job whose children may have failed.

    detail: its JobDetail.
    first_arn: of the job that was submitted by others: its own, or, of a rerun, that of the array it repeats.
    indexes: the index of each child in the array of `first_arn`, by its position in this job.
    array_size: of the array of `first_arn`.
    """

    id: str
    arn: str
    name: str
    status: str
    detail: Mapping[str, Any] = field(repr=False)
    first_arn: str
    indexes: Sequence[int]
    array_size: int

    @property
    def is_array(self) -> bool:
        """False for a rerun of one child."""
        return bool(size_of(self.detail))

    @property
    def queue(self) -> str:
        return str(self.detail["jobQueue"])

    @property
    def definition(self) -> str:
        return str(self.detail["jobDefinition"])

    @property
    def created_at(self) -> int:
        """In milliseconds."""
        return int(self.detail.get("createdAt", 0))

    @property
    def tags(self) -> Mapping[str, str]:
        return self.detail.get("tags") or {}

    @property
    def counts(self) -> Mapping[str, int]:
        """Its children by status; they may lag."""
        return (self.detail.get("arrayProperties") or {}).get("statusSummary") or {}

    def variables(self) -> Mapping[str, str]:
        return variables_of(self.detail)


def find_first_job(batch: BatchApi, reference: JobReference) -> FirstJob:
    """Raises CommandFailed if there is no such job, or it has no children, and botocore's errors."""
    detail = batch.describe([reference.id]).get(reference.id)
    if detail is None:
        raise CommandFailed(
            f"AWS Batch knows no job {reference.id} in {batch.region} for these credentials: see --region and "
            "--profile; it forgets a finished job after a week or more"
        )
    return read_job(detail)


def read_job(detail: Mapping[str, Any]) -> FirstJob:
    """Read a JobDetail. Raises CommandFailed if the job has no children."""
    id_, size = str(detail["jobId"]), size_of(detail)
    if detail.get("nodeProperties"):
        raise CommandFailed(f"{id_} is a multi-node job: only array jobs can be run again in part")
    variables, tags = variables_of(detail), detail.get("tags") or {}
    arn = str(detail.get("jobArn", ""))
    indexes: Sequence[int] = range(size)
    array_size = size
    if RERUN_TAG in tags:
        try:
            indexes, array_size = parse_ranges(variables.get(RERUN_INDEXES, "")), int(variables[RERUN_ARRAY_SIZE])
        except (KeyError, ValueError):
            indexes = ()
        if len(indexes) != (size or 1):
            raise CommandFailed(f"{id_} is a rerun, but AWS does not tell of which children: run the first job again")
    elif not size:
        raise CommandFailed(f"{id_} is a single job, not an array: submit it again as a whole (in the console: Clone)")
    return FirstJob(
        id_,
        arn,
        one_line(str(detail.get("jobName", "")), SHOWN_NAME) or id_,
        str(detail.get("status", "")),
        detail,
        tags.get(RERUN_TAG, arn),
        indexes,
        array_size,
    )


def size_of(detail: Mapping[str, Any]) -> int:
    """Return the number of children, or 0 if the job is not an array."""
    return int((detail.get("arrayProperties") or {}).get("size") or 0)


def containers_of(detail: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the job's containers, whatever its platform."""
    if tasks := (detail.get("ecsProperties") or {}).get("taskProperties"):
        return [container for task in tasks for container in task.get("containers", [])]
    if pod := (detail.get("eksProperties") or {}).get("podProperties"):
        return list(pod.get("containers", []))
    return [container] if (container := detail.get("container")) else []


def variables_of(detail: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the environment of all of the job's containers together."""
    found = [
        one for container in containers_of(detail) for one in container.get("environment", container.get("env", []))
    ]
    return {str(one["name"]): str(one.get("value", "")) for one in found if "name" in one}
