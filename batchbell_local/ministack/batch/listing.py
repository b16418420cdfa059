"""ListJobs: lists the children of an array, or the jobs of a queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from .job_json import job_summary
from .job_queues import existing_queue
from .jobs import ArrayParent, Job, Status
from .operation import ClientException, Json
from .paging import take_page
from .scheduler import Scheduler

PAGE = 1_000  # most entries in a page without filters (API reference, ListJobs)
FILTERED_PAGE = 100  # with filters


def list_jobs(scheduler: Scheduler, payload: Json) -> Json:
    """List by `arrayJobId` or `jobQueue`, with `jobStatus` (default RUNNING) or `filters`.

    A filtered list has jobs of every status, newest first, in pages of 100 (API reference, ListJobs). Raises
    ClientException.
    """
    given = [key for key in ("jobQueue", "arrayJobId", "multiNodeJobId") if payload.get(key)]
    if len(given) != 1:
        raise ClientException("ListJobs takes exactly one of jobQueue, arrayJobId and multiNodeJobId")
    filters = payload.get("filters") or []
    if filters and given != ["jobQueue"]:
        raise ClientException("filters are for jobQueue only")
    with scheduler.lock:
        jobs = _jobs(scheduler, payload, given[0])
        if filters:
            jobs = [job for job in reversed(jobs) if all(_filter(one)(job) for one in filters)]
            entries = _entries(jobs, descending=True)
        else:
            status = _status(payload.get("jobStatus", Status.RUNNING))
            entries = _entries((job for job in jobs if job.status is status), descending=False)
        items, token = take_page(entries, payload, at_most=FILTERED_PAGE if filters else PAGE)
    return {"jobSummaryList": items, **({"nextToken": token} if token else {})}


def _jobs(scheduler: Scheduler, payload: Json, key: str) -> list[Job]:
    if key == "jobQueue":
        return scheduler.jobs_in(existing_queue(payload)["jobQueueArn"])
    if key == "multiNodeJobId":
        raise ClientException("Multi-node parallel jobs do not run locally")
    parent = scheduler.find(payload["arrayJobId"])
    return list(parent.children) if isinstance(parent, ArrayParent) else []


def _entries(jobs: Iterable[Job], *, descending: bool) -> Iterable[tuple[int, Callable[[], Json]]]:
    return ((-job.order if descending else job.order, partial(job_summary, job)) for job in jobs)


def _status(given: object) -> Status:
    try:
        return Status(str(given))
    except ValueError:
        raise ClientException(f"jobStatus must be one of {', '.join(Status)}, got {given!r}") from None


def _filter(given: Json) -> Callable[[Job], bool]:
    """The predicate of one filter: on name or definition (a trailing * matches any rest), or on time of creation."""
    name, values = str(given.get("name", "")).upper(), [str(value) for value in given.get("values") or []]
    if name == "JOB_NAME":
        return lambda job: any(_fits(value, job.spec.name) for value in values)
    if name == "JOB_DEFINITION":
        return lambda job: any(_fits_definition(value, job.spec.definition_arn) for value in values)
    if name in ("BEFORE_CREATED_AT", "AFTER_CREATED_AT") and values and values[0].isdecimal():
        limit = int(values[0])
        return lambda job: job.created_at < limit if name.startswith("BEFORE") else job.created_at > limit
    raise ClientException(f"filter {given.get('name')!r} with values {values} is not supported")


def _fits(pattern: str, value: str) -> bool:
    """Whether a name matches the pattern, ignoring case (API reference, ListJobs, JOB_NAME)."""
    pattern, value = pattern.lower(), value.lower()
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _fits_definition(pattern: str, arn: str) -> bool:
    """Whether the pattern is the definition's ARN, its NAME:REVISION, or its NAME (all revisions)."""
    short = arn.rsplit("/", 1)[-1]
    return arn == pattern or _fits(pattern, short) or _fits(pattern, short.partition(":")[0])
