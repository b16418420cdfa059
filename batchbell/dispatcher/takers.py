"""Which notifiers get a message about a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.records.job import Job
from batchbell.wire import Status


@dataclass(frozen=True)
class Takers:
    """`owner_tag`: as in `batchbell.wire.Manifest`."""

    instances: Sequence[Instance]
    owner_tag: str = ""

    def of(self, job: Job, status: str) -> Sequence[Instance]:
        """Those whose filters let a message of this status through."""
        return [one for one in self.instances if one.takes(status, job.name, job.tags)]

    def of_live(self, job: Job) -> Sequence[Instance]:
        """Those that may have a live message about the job, whatever became of it."""
        return [one for one in self.of(job, Status.RUNNING) if one.progress] if job.is_parent else []

    def ask_for_tags(self, job: Job, status: str) -> bool:
        """Whether the job's tags are not known, and somebody asks for them: a rerun's tell which job it repeats."""
        if job.tags is not None:
            return False
        return bool(self.owner_tag or job.rerun_indexes) or any(
            one.tags for one in (*self.of(job, status), *self.of_live(job))
        )
