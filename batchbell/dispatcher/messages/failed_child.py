"""A failed child of an array, as ListJobs or DescribeJobs tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from batchbell.contract import Link
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.records.containers import deciding_container, status_reason_of
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import JsonObject

SHOWN_REASON = 500  # characters


@dataclass(frozen=True)
class FailedChild:
    """`log`: needs DescribeJobs, since ListJobs lacks the stream's name."""

    id: str
    index: int
    status_reason: str
    container_reason: str
    exit_code: int | None
    log: Link | None

    @classmethod
    def from_json(cls, child: Mapping[str, Any], parent: Job) -> FailedChild:
        """`child`: a JobSummary or a JobDetail."""
        fields = JsonObject(child, "the child")
        child_id, container = fields.text("jobId"), deciding_container(fields)
        region, log = container.log.region or parent.region, container.log
        url = console_links.log_stream(parent.partition, region, log.group, log.stream)
        return cls(
            child_id,
            fields.object("arrayProperties").integer("index") or 0,
            status_reason_of(fields),
            container.reason,
            container.exit_code,
            Link(f"Log of child {child_id.rpartition(':')[2]}", url) if url else None,
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
            return replace(self, log=described.log)
        return replace(described, index=self.index, status_reason=self.status_reason or described.status_reason)


def full_reason(status_reason: str, container_reason: str) -> str:
    reason = ": ".join(part for part in (status_reason, container_reason) if part) or "no reason given"
    return reason if len(reason) <= SHOWN_REASON else reason[: SHOWN_REASON - 1] + "…"
