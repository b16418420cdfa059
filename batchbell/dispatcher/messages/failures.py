"""Finds which children of an array job failed, and why. Bounded in calls and time; an error never stops a message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import FailureGroup, Link
from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.messages.failed_child import FailedChild, full_reason
from batchbell.dispatcher.messages.log_end import NO_LOGS, LogPlace, LogReader
from batchbell.dispatcher.messages.plain_words import explain
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.timing import LOG_CALLS, LOOK_UP_CALLS, Deadline

PAGE = 1_000  # children a ListJobs call (measured: AWS returns up to 1,000)
DESCRIBED = 100  # children a DescribeJobs call (AWS Batch API reference)
SHOWN_GROUPS = 50  # the largest ones; one DescribeJobs call has room for them
SHOWN_INDEXES = 300  # characters; enough for any pattern that a reader can grasp


@dataclass
class LookUpBudget:
    """Calls and time that are left for the look-ups of one invocation."""

    deadline: Deadline
    calls: int = LOOK_UP_CALLS
    log_calls: int = LOG_CALLS  # kept apart, so that the ends of logs do not depend on how many children there are

    @property
    def has_left(self) -> bool:
        return self.calls > 0 and not self.deadline.passed

    def spend(self) -> bool:
        """Use one call; False if none is left."""
        if not self.has_left:
            return False
        self.calls -= 1
        return True

    def spend_on_log(self) -> bool:
        """Use one call for a log; False if none is left."""
        if self.log_calls <= 0 or self.deadline.passed:
            return False
        self.log_calls -= 1
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


def failure_of(job: Job, budget: LookUpBudget | None = None, logs: LogReader = NO_LOGS) -> Failures:
    """Why a single job or a child failed, from its own event. Without a budget its log is not read."""
    url = console_links.log_stream(job.partition, job.log_region, job.log_group, job.log_stream)
    label = f"Log of {job.container}" if job.container else "Log"
    is_rerun = job.first_arn and len(job.rerun_indexes) == 1
    indexes = str(job.rerun_indexes[0]) if is_rerun else "" if job.array_index is None else str(job.array_index)
    reason = full_reason(job.status_reason, job.container_reason)
    link = Link(label, url) if url else None
    group = FailureGroup(reason, 1, indexes, job.exit_code, link, explain(reason, job.exit_code))
    place = LogPlace(job.log_region, job.log_group, job.log_stream) if job.log_group and job.log_stream else None
    return Failures((_with_log(group, place, logs, budget),), count=1)


def look_up_failures(job: Job, batch: Any, budget: LookUpBudget, logs: LogReader = NO_LOGS) -> Failures:
    """List the failed children of an array job. `batch`: a boto3 client. Never raises for an error of AWS."""
    listed: dict[int, FailedChild] = {}  # pages may repeat children
    complete, problem = False, None
    try:
        for child in _failed_children(job, batch, budget):
            listed.setdefault(child.index, child)
        complete, problem = _completeness(len(listed), job.counts.get("FAILED", 0))
    except _OutOfBudget:
        problem = "Not all failed children were looked up: there are too many, or AWS was slow."
    except (ClientError, BotoCoreError) as error:
        problem = f"The failed children could not be looked up ({error_code(error)})."
    children, unknown = _describe(job, batch, budget, listed)
    if unknown:
        problem = problem or f"Exit codes and reasons of {unknown:,} failed children were not looked up."
    largest_first = _groups(children)
    shown = largest_first[:SHOWN_GROUPS]
    if len(shown) < len(largest_first):
        problem = problem or f"The {SHOWN_GROUPS} largest of {len(largest_first)} groups of failures are shown."
    described = [_group(group) for group in shown]
    described[:LOG_CALLS] = [
        _with_log(group, _place(of), logs, budget) for group, of in zip(described[:LOG_CALLS], shown, strict=False)
    ]
    return Failures(tuple(_explained_once(described)), len(children), complete, problem)


def _groups(children: Mapping[int, FailedChild]) -> Sequence[Sequence[FailedChild]]:
    """The children by cause, the largest group first."""
    groups: dict[tuple[str, int | None], list[FailedChild]] = {}
    for _, child in sorted(children.items()):
        groups.setdefault(child.cause, []).append(child)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].index))


def _group(children: Sequence[FailedChild]) -> FailureGroup:
    reason, exit_code = children[0].cause
    log = next((child.log for child in children if child.log), None)
    attempts = next((child.attempts for child in children if child.attempts), None)
    return FailureGroup(
        reason,
        len(children),
        ranges(child.index for child in children),
        exit_code,
        log,
        explain(reason, exit_code),
        attempts=attempts,
    )


def _explained_once(groups: Sequence[FailureGroup]) -> Iterator[FailureGroup]:
    """Leave out an explanation that stands under a group above."""
    given = set[str]()
    for group in groups:
        yield replace(group, meaning="") if group.meaning in given else group
        given.add(group.meaning)


def _place(children: Sequence[FailedChild]) -> LogPlace | None:
    return next((child.place for child in children if child.place), None)


def _with_log(
    group: FailureGroup, place: LogPlace | None, logs: LogReader, budget: LookUpBudget | None
) -> FailureGroup:
    """Add the end of one job's log, where the stack asks for it and the job has one."""
    if not logs.lines or place is None:
        return group
    if budget is None or not budget.spend_on_log():
        return replace(group, log_problem="The log was not read: many jobs failed at the same time, or AWS was slow.")
    end = logs.read(place)
    return replace(group, log_lines=end.lines, log_problem=end.problem)


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


def _failed_children(job: Job, batch: Any, budget: LookUpBudget) -> Iterator[FailedChild]:
    page: dict[str, Any] = {}
    while True:
        # One call is kept for the log links.
        if budget.calls <= 1 or not budget.spend():
            raise _OutOfBudget
        # The default jobStatus is RUNNING only.
        answer = batch.list_jobs(arrayJobId=job.id, jobStatus="FAILED", maxResults=PAGE, **page)
        yield from (FailedChild.from_json(child, job) for child in answer.get("jobSummaryList", []))
        if not answer.get("nextToken"):
            return
        page = {"nextToken": answer["nextToken"]}


def _describe(
    job: Job, batch: Any, budget: LookUpBudget, listed: Mapping[int, FailedChild]
) -> tuple[Mapping[int, FailedChild], int]:
    """Add what only DescribeJobs says: one log a group, and how those children ended of which ListJobs is silent.

    It is silent of children with several containers and on EKS, whose exit codes are worth more calls than one, and of
    children that never ran, whose are not.

    Returns the children by index, and of how many there was no time to ask.
    """
    children = dict(listed)
    first = [group[0].index for group in _groups(listed)[:SHOWN_GROUPS]]
    silent = [index for index, child in sorted(listed.items()) if not child.tells_its_end]
    waiting, learned = list(dict.fromkeys([*first, *silent])), False
    while waiting and budget.spend():
        asked, rest = waiting[:DESCRIBED], waiting[DESCRIBED:]
        try:
            described = batch.describe_jobs(jobs=[listed[index].id for index in asked])["jobs"]
        except (ClientError, BotoCoreError):
            break
        by_id = {child.id: child for child in (FailedChild.from_json(one, job) for one in described)}
        for index in asked:
            if details := by_id.get(listed[index].id):
                learned = learned or (details.tells_its_end and not listed[index].tells_its_end)
                children[index] = listed[index].with_details(details)
        waiting = rest
        if not learned:
            break
    return children, len(waiting) if learned else 0


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
