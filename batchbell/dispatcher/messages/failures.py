"""Which children of an array job failed, and why: bounded in calls and time, and never a reason not to notify."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import FailureGroup, Link
from batchbell.dispatcher.messages import console_links as console
from batchbell.dispatcher.records.job import DEFAULT_LOG_GROUP, Job
from batchbell.dispatcher.timing import LOOK_UP_CALLS, Deadline

PAGE = 1_000  # children a ListJobs call (measured: AWS gives up to 1,000)
SHOWN_GROUPS = 50  # the largest ones; below the 100 ids that a DescribeJobs call takes (AWS Batch API reference)
SHOWN_REASON = 500  # characters
SHOWN_INDEXES = 300  # characters; enough for any pattern that a reader could take in


@dataclass
class LookUpBudget:
    """What the look-ups of one invocation may still use, all its jobs together."""

    deadline: Deadline
    calls: int = LOOK_UP_CALLS

    def spend(self) -> bool:
        """Take one call; False if none is left."""
        if self.calls <= 0 or self.deadline.passed:
            return False
        self.calls -= 1
        return True


@dataclass(frozen=True)
class Failures:
    """The failed children that were found: `count` of them, in groups, the largest first. `complete`: that is all of
    them. `problem` says in one line what the groups do not tell, if they do not tell all."""

    groups: tuple[FailureGroup, ...] = ()
    count: int = 0
    complete: bool = True
    problem: str | None = None


@dataclass
class _Group:
    indexes: set[int] = field(default_factory=set)  # a page may repeat what another one had
    child_id: str = ""


def failure_of(job: Job) -> Failures:
    """Why a single job or a child failed: its own event says it."""
    stream = job.log_stream
    url = console.log_stream(job.partition, job.region, job.log_group, stream) if stream and job.log_group else ""
    indexes = "" if job.array_index is None else str(job.array_index)
    reason = _reason(job.status_reason, job.container_reason)
    return Failures((FailureGroup(reason, 1, indexes, job.exit_code, Link("Log", url) if url else None),), count=1)


def look_up_failures(job: Job, batch: Any, budget: LookUpBudget) -> Failures:
    """Ask Batch for the failed children of an array job. `batch`: a boto3 client. Never raises for AWS's refusals."""
    groups: dict[tuple[str, int | None], _Group] = {}
    complete, problem = False, None
    try:
        for child in _failed_children(job, batch, budget):
            container = child.get("container") or {}
            reason = _reason(child.get("statusReason", ""), container.get("reason", ""))
            group = groups.setdefault((reason, container.get("exitCode")), _Group())
            group.indexes.add((child.get("arrayProperties") or {}).get("index", 0))
            group.child_id = group.child_id or child["jobId"]
        complete, problem = _weigh(sum(len(group.indexes) for group in groups.values()), job.counts.get("FAILED", 0))
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


def _weigh(listed: int, told: int) -> tuple[bool, str | None]:
    """Whether the children that Batch listed are all that failed, and what to say if they are not: its list lags
    behind, and it forgets finished jobs. `told`: how many failed at the least, by the event."""
    if listed >= max(told, 1):
        return True, None
    if not listed:
        return False, "AWS Batch lists none of the failed children."
    return False, f"AWS Batch lists {listed:,} of {told:,} failed children."


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
    """One log a group; ListJobs does not give the stream's name. No links if AWS does not answer."""
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
        if stream and (url := console.log_stream(job.partition, job.region, group, stream)):
            links[child["jobId"]] = Link(f"Log of child {child['jobId'].rpartition(':')[2]}", url)
    return links


def ranges(indexes: Iterable[int]) -> str:
    """[3, 0, 1, 2, 17] → "0-3, 17"; what is too long to read ends with "…"."""
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
