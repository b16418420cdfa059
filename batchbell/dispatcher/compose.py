"""One channel-neutral message about one job. Pure: the same job and failures always give the same message."""

from __future__ import annotations

from datetime import UTC, datetime

from batchbell.contract import Fact, Link, Message, Severity
from batchbell.dispatcher import console
from batchbell.dispatcher.failures import Failures
from batchbell.dispatcher.job import Job


def compose(job: Job, failures: Failures) -> Message:
    """What people read about a finished job. `failures` is empty where nothing failed."""
    return Message(
        key=job.key,
        kind="array-job" if job.is_parent else "single-job",
        status=job.status,
        severity=_severity(job),
        title=f"{_subject(job)} {_outcome(job, failures)}",
        summary=_summary(job),
        job_name=job.name,
        facts=tuple(_facts(job, failures)),
        failures=failures.groups,
        notes=(failures.problem,) if failures.problem else (),
        links=(Link("Job in the AWS console", console.job(job.partition, job.region, job.id)),),
    )


def _severity(job: Job) -> Severity:
    return {"SUCCEEDED": Severity.SUCCESS, "FAILED": Severity.FAILURE}.get(job.status, Severity.INFO)


def _subject(job: Job) -> str:
    return job.name if job.array_index is None else f"Child {job.array_index} of {job.name}"


def _summary(job: Job) -> str:
    kind = "Array job" if job.is_parent else "Job" if job.array_index is None else "Child of an array job"
    duration = _duration(job)
    return f"{kind} on {job.queue_name}" + (f", {duration} after it was submitted" if duration else "")


def _outcome(job: Job, failures: Failures) -> str:
    """ "failed: 3 of 7 children"; no number that the event or the look-up does not bear out."""
    verb = {"SUCCEEDED": "succeeded", "FAILED": "failed"}.get(job.status, f"is {job.status}")
    if job.array_size is None:
        return verb
    if job.status == "SUCCEEDED":
        return f"{verb}: all {job.array_size} children"  # a parent succeeds only if every child did
    if not job.failed:
        return verb
    failed = _failed_children(job, failures)
    return f"{verb}: {failed} of {job.array_size} children" if failed else f"{verb} ({job.array_size} children)"


def _failed_children(job: Job, failures: Failures) -> int | None:
    """How many children failed, or None where nobody can say: the event's counts may lag behind the children."""
    if failures.count and failures.complete:
        return failures.count
    finished = job.counts.get("SUCCEEDED", 0) + job.counts.get("FAILED", 0)
    return job.counts.get("FAILED") if finished == job.array_size else None


def _facts(job: Job, failures: Failures) -> list[Fact]:
    facts = []
    if job.array_size is not None:
        facts.append(Fact("Children", _children(job, failures)))
    if duration := _duration(job):
        facts.append(Fact("Duration", duration))
    facts.append(Fact("Job queue", job.queue_name))
    if job.definition:
        facts.append(Fact("Job definition", job.definition_name))
    if job.attempts > 1:
        facts.append(Fact("Attempts", str(job.attempts)))
    if job.status_reason and not (job.is_parent and failures.groups):
        facts.append(Fact("Reason", job.status_reason))
    if finished := _finished_at(job):
        facts.append(Fact("Finished", f"{finished:%Y-%m-%d %H:%M:%S} UTC"))
    facts.append(Fact("Job id", job.id))
    return facts


def _children(job: Job, failures: Failures) -> str:
    if job.status == "SUCCEEDED":
        return f"{job.array_size} succeeded"
    failed = _failed_children(job, failures)
    if failed is None or job.array_size is None:
        return f"{job.array_size}"
    return f"{failed} failed, {job.array_size - failed} succeeded"


def _finished_at(job: Job) -> datetime | None:
    if job.stopped_at:
        return _moment(job.stopped_at)
    try:
        return datetime.fromisoformat(job.event_time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _moment(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _duration(job: Job) -> str:
    """From submission to the end, humanised; "" where the event does not say."""
    created, finished = _moment(job.created_at) if job.created_at else None, _finished_at(job)
    if created is None or finished is None:
        return ""
    # An event's time has whole seconds, and may lie before the job's milliseconds.
    seconds = int((finished - created).total_seconds())
    if seconds < 0:
        return ""
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    shown = [f"{number} {unit}" for number, unit in units if number]
    return " ".join(shown[:2]) or "under 1 s"
