"""A failed child of an array, as ListJobs or DescribeJobs tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from batchbell.contract import Link
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.messages.log_end import LogPlace
from batchbell.dispatcher.records.containers import attempts_of, deciding_container, status_reason_of
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import JsonObject

SHOWN_REASON = 500  # characters


@dataclass(frozen=True)
class FailedChild:
    """`index`: of a child of a rerun, in the first job.

    `log`, `place` and `attempts` need DescribeJobs, since ListJobs lacks the stream's name.
    """

    id: str
    index: int
    status_reason: str
    container_reason: str
    exit_code: int | None
    log: Link | None
    place: LogPlace | None = None
    attempts: int | None = None

    @classmethod
    def from_json(cls, child: Mapping[str, Any], parent: Job) -> FailedChild:
        """`child`: a JobSummary or a JobDetail."""
        fields = JsonObject(child, "the child")
        child_id, container = fields.text("jobId"), deciding_container(fields)
        region, log = container.log.region or parent.region, container.log
        index = parent.index_in_first(_position(fields, child_id))
        url = console_links.log_stream(parent.partition, region, log.group, log.stream)
        return cls(
            child_id,
            index,
            status_reason_of(fields),
            container.reason,
            container.exit_code,
            Link(f"Log of child {index}", url) if url else None,
            LogPlace(region, log.group, log.stream) if log.group and log.stream else None,
            len(attempts_of(fields)) or None,
        )

    @property
    def cause(self) -> tuple[str, int | None]:
        """Children with the same reason and exit code are one group."""
        return full_reason(self.status_reason, self.container_reason), self.exit_code

    @property
    def tells_its_end(self) -> bool:
        """Whether it says how its container ended. ListJobs does so only for a job with one container."""
        return self.exit_code is not None or bool(self.container_reason)

    def with_details(self, described: FailedChild) -> FailedChild:
        """Add what only DescribeJobs says. If ListJobs says how it ended, that stays, as that of all others."""
        if self.tells_its_end:
            return replace(self, log=described.log, place=described.place, attempts=described.attempts)
        return replace(described, index=self.index, status_reason=self.status_reason or described.status_reason)


def _position(child: JsonObject, child_id: str) -> int:
    index, of_id = child.object("arrayProperties").integer("index"), child_id.rpartition(":")[2]
    return index if index is not None else int(of_id) if of_id.isdecimal() else 0


def full_reason(status_reason: str, container_reason: str) -> str:
    reason = ": ".join(part for part in (status_reason, container_reason) if part) or "no reason given"
    return reason if len(reason) <= SHOWN_REASON else reason[: SHOWN_REASON - 1] + "…"
