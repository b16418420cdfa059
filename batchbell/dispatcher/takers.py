"""Which notifiers get a message about a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.records.job import Job


@dataclass(frozen=True)
class Takers:
    """`owner_tag`: as in `batchbell.wire.Manifest`."""

    instances: Sequence[Instance]
    owner_tag: str = ""

    def of(self, job: Job, status: str) -> Sequence[Instance]:
        """Those whose filters let a message of this status through."""
        return [one for one in self.instances if one.takes(status, job.name, job.tags)]

    def ask_for_tags(self, job: Job, status: str) -> bool:
        """Whether the job's tags are not known, and somebody asks for them."""
        return job.tags is None and bool(
            self.owner_tag or any(one.tags and one.takes(status, job.name) for one in self.instances)
        )
