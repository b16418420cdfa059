"""Finds which children of an array job failed, and why. Bounded in calls and time; an error never stops a message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import FailureGroup, Link
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.records.job import DEFAULT_LOG_GROUP, Job
from batchbell.dispatcher.timing import LOOK_UP_CALLS, Deadline

PAGE = 1_000  # children a ListJobs call (measured: AWS returns up to 1,000)
SHOWN_GROUPS = 50  # the largest ones; below the 100 ids that a DescribeJobs call takes (AWS Batch API reference)
SHOWN_REASON = 500  # characters
SHOWN_INDEXES = 300  # characters; enough for any pattern that a reader can grasp


@dataclass
class LookUpBudget:
    """Calls and time that are left for the look-ups of one invocation."""

    deadline: Deadline
    calls: int = LOOK_UP_CALLS

    def spend(self) -> bool:
        """Use one call; False if none is left."""
        if self.calls <= 0 or self.deadline.passed:
            return False
        self.calls -= 1
        return True


@dataclass(frozen=True)
class Failures:
    """The failed children that were found.

    groups: the largest first.
    count: children in all groups found, also those that are not shown.
    complete: no other child failed.
    problem: one line that says what is missing, if anything is.
    """

    groups: tuple[FailureGroup, ...] = ()
    count: int = 0
    complete: bool = True
    problem: str | None = None


@dataclass
class _Group:
    indexes: set[int] = field(default_factory=set)  # pages may repeat children
    child_id: str = ""


def failure_of(job: Job) -> Failures:
    """Why a single job or a child failed, from its own event."""
    stream = job.log_stream
    url = console_links.log_stream(job.partition, job.region, job.log_group, stream) if stream and job.log_group else ""
    indexes = "" if job.array_index is None else str(job.array_index)
    reason = _reason(job.status_reason, job.container_reason)
    return Failures((FailureGroup(reason, 1, indexes, job.exit_code, Link("Log", url) if url else None),), count=1)


def look_up_failures(job: Job, batch: Any, budget: LookUpBudget) -> Failures:
    """List the failed children of an array job. `batch`: a boto3 client. Never raises for an error of AWS."""
    groups: dict[tuple[str, int | None], _Group] = {}
    complete, problem = False, None
    try:
        for child in _failed_children(job, batch, budget):
            container = child.get("container") or {}
            reason = _reason(child.get("statusReason", ""), container.get("reason", ""))
            group = groups.setdefault((reason, container.get("exitCode")), _Group())
            group.indexes.add((child.get("arrayProperties") or {}).get("index", 0))
            group.child_id = group.child_id or child["jobId"]
        complete, problem = _completeness(
            sum(len(group.indexes) for group in groups.values()), job.counts.get("FAILED", 0)
        )
    except _OutOfBudget:
        problem = "Not all failed children were looked up: there are too many, or AWS was slow."
    except (ClientError, BotoCoreError) as error:
        problem = f"The failed children could not be looked up ({_code(error)})."
    largest_first = sorted(groups.items(), key=lambda item: (-len(item[1].indexes), min(item[1].indexes)))
    shown = largest_first[:SHOWN_GROUPS]
    if len(shown) < len(largest_first):
        problem = problem or f"The {SHOWN_GROUPS} largest of {len(largest_first)} groups of failures are shown."
    logs = _log_links(job, batch, budget, [group.child_id for _, group in shown])
    return Failures(
        tuple(
            FailureGroup(reason, len(group.indexes), ranges(group.indexes), exit_code, logs.get(group.child_id))
            for (reason, exit_code), group in shown
        ),
        sum(len(group.indexes) for group in groups.values()),
        complete,
        problem,
    )


class _OutOfBudget(Exception):
    pass


def _completeness(listed: int, counted: int) -> tuple[bool, str | None]:
    """Whether Batch listed all failed children, and the note if not: the list lags, and Batch forgets finished jobs.

    counted: failed children in the event's counts, which may lag too.
    """
    if listed >= max(counted, 1):
        return True, None
    if not listed:
        return False, "AWS Batch lists none of the failed children."
    return False, f"AWS Batch lists {listed:,} of {counted:,} failed children."


def _failed_children(job: Job, batch: Any, budget: LookUpBudget) -> Iterator[Mapping[str, Any]]:
    page: dict[str, Any] = {}
    while True:
        # One call is kept for the log links.
        if budget.calls <= 1 or not budget.spend():
            raise _OutOfBudget
        # The default jobStatus is RUNNING only.
        answer = batch.list_jobs(arrayJobId=job.id, jobStatus="FAILED", maxResults=PAGE, **page)
        yield from answer.get("jobSummaryList", [])
        if not answer.get("nextToken"):
            return
        page = {"nextToken": answer["nextToken"]}


def _log_links(job: Job, batch: Any, budget: LookUpBudget, child_ids: list[str]) -> Mapping[str, Link]:
    """One log a group, with a DescribeJobs call, since ListJobs lacks the stream's name. Empty if AWS fails."""
    if not child_ids or not budget.spend():
        return {}
    try:
        described = batch.describe_jobs(jobs=child_ids)["jobs"]
    except (ClientError, BotoCoreError):
        return {}
    links = {}
    for child in described:
        container = child.get("container") or {}
        options = (container.get("logConfiguration") or {}).get("options") or {}
        stream, group = container.get("logStreamName"), options.get("awslogs-group", DEFAULT_LOG_GROUP)
        if stream and (url := console_links.log_stream(job.partition, job.region, group, stream)):
            links[child["jobId"]] = Link(f"Log of child {child['jobId'].rpartition(':')[2]}", url)
    return links


def ranges(indexes: Iterable[int]) -> str:
    """[3, 0, 1, 2, 17] → "0-3, 17"; a text that is too long to read is cut and ends with "…"."""
    parts: list[list[int]] = []
    for index in sorted(set(indexes)):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    text = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts)
    return text if len(text) <= SHOWN_INDEXES else text[:SHOWN_INDEXES].rpartition(", ")[0] + ", …"


def _reason(status_reason: str, container_reason: str) -> str:
    reason = ": ".join(part for part in (status_reason, container_reason) if part) or "no reason given"
    return reason if len(reason) <= SHOWN_REASON else reason[: SHOWN_REASON - 1] + "…"


def _code(error: ClientError | BotoCoreError) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
