"""One channel-neutral message about one job. Pure: the same job and failures always give the same message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from batchbell.contract import Fact, Link, Message, Severity
from batchbell.dispatcher.messages import console_links as console
from batchbell.dispatcher.messages.dates import humanise, moment, read_time, show
from batchbell.dispatcher.messages.failed_children import count_failed
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.records.job import Attempt, Job


def compose(job: Job, failures: Failures, zone: tzinfo = UTC) -> Message:
    """What people read about a finished job. `failures` is empty where nothing failed; `zone`: of the times told."""
    return Message(
        key=job.key,
        kind="array-job" if job.is_parent else "single-job",
        status=job.status,
        severity=_severity(job),
        title=f"{_subject(job)} {_outcome(job, failures)}",
        summary=_summary(job),
        job_name=job.name,
        facts=tuple(_facts(job, failures, zone)),
        failures=failures.groups,
        notes=(failures.problem,) if failures.problem else (),
        links=tuple(_links(job)),
        queue=job.queue_name,
        thread=job.arn,
    )


def _severity(job: Job) -> Severity:
    return {"SUCCEEDED": Severity.SUCCESS, "FAILED": Severity.FAILURE}.get(job.status, Severity.INFO)


def _subject(job: Job) -> str:
    return job.name if job.array_index is None else f"Child {job.array_index} of {job.name}"


def _summary(job: Job) -> str:
    kind = "Array job" if job.is_parent else "Job" if job.array_index is None else "Child of an array job"
    total = _between(moment(job.created_at), finished_at(job))
    return f"{kind} on {job.queue_name}" + ("" if total is None else f", {humanise(total)} after it was submitted")


def _outcome(job: Job, failures: Failures) -> str:
    """ "failed: 3 of 7 children"; no number that the event or the look-up does not bear out."""
    verb = {"SUCCEEDED": "succeeded", "FAILED": "failed"}.get(job.status, f"is {job.status}")
    if job.array_size is None:
        return verb
    if job.status == "SUCCEEDED":
        return f"{verb}: all {job.array_size:,} children"  # a parent succeeds only if every child did
    return verb + count_failed(job, failures).outcome if job.failed else verb


def _facts(job: Job, failures: Failures, zone: tzinfo) -> Iterator[Fact]:
    if job.array_size is not None:
        yield Fact("Children", _children(job, failures))
    if duration := _duration(job):
        yield Fact("Duration", duration)
    yield Fact("Job queue", job.queue_name)
    if job.definition:
        yield Fact("Job definition", job.definition_name)
    if attempts := _attempts(job):
        yield Fact("Attempts", attempts)
    if job.status_reason and job.status != "SUCCEEDED" and not failures.groups:
        yield Fact("Reason", job.status_reason)
    if finished := finished_at(job):
        yield Fact("Finished" if job.status in ("SUCCEEDED", "FAILED") else "Time", show(finished, zone))
    yield Fact("Job id", job.id)


def _children(job: Job, failures: Failures) -> str:
    if job.status == "SUCCEEDED":
        return f"{job.array_size:,} succeeded"
    return count_failed(job, failures).counts if job.failed else f"{job.array_size:,}"


def _attempts(job: Job) -> str:
    """ "2 of 3"; of an array's parent, what each child may have: "up to 3 for each child"."""
    allowed = job.attempts_allowed or 1
    if job.is_parent:
        return f"up to {allowed} for each child" if allowed > 1 else ""
    made = len(job.attempts)
    return f"{made} of {max(made, allowed)}" if made else ""


def _links(job: Job) -> Iterator[Link]:
    if url := console.job(job.partition, job.region, job.id):
        yield Link("Job in the AWS console", url)
    if job.log_group and job.log_stream:
        url = console.log_stream(job.partition, job.region, job.log_group, job.log_stream)
        yield from [Link("Log in the AWS console", url)] if url else []
    elif job.log_group and job.log_prefix and job.is_parent:
        # A parent's event may hold nothing of its children's containers, hence the name of the group that is meant.
        url = console.log_streams(job.partition, job.region, job.log_group, f"{job.log_prefix}/")
        yield from [Link(f"Logs in {job.log_group}", url)] if url else []


def finished_at(job: Job) -> datetime | None:
    """When it stopped, or else when Batch told of it."""
    return moment(job.stopped_at) or read_time(job.event_time)


def _duration(job: Job) -> str:
    """From submission to the end: "12 min 44 s", and what of it the event tells apart: "(queued 40 s, ran 12 min 4 s)";
    "" where it does not say."""
    created, finished = moment(job.created_at), finished_at(job)
    total = _between(created, finished)
    if total is None:
        return ""
    tries = job.attempts or (Attempt(job.started_at, job.stopped_at),)
    queued = _between(created, moment(tries[0].started_at))
    runs = [_between(moment(one.started_at), moment(one.stopped_at)) for one in tries]
    ran = sum(run for run in runs if run is not None)
    parts = []
    if queued is not None and queued <= total:
        parts.append(f"queued {humanise(queued)}")
    if None not in runs and ran <= total:
        parts.append(f"ran {humanise(ran)}" + (f" in {len(runs)} attempts" if len(runs) > 1 else ""))
    return humanise(total) + (f" ({', '.join(parts)})" if parts else "")


def _between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds; None where a moment is missing, or they are in no order. An event's own time has whole seconds, and may
    lie before the job's milliseconds: that counts as none at all."""
    if start is None or end is None:
        return None
    seconds = (end - start).total_seconds()
    return max(0.0, seconds) if seconds > -1 else None
