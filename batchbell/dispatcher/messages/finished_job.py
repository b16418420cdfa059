"""The message about a finished job. Pure: the same job and failures always give the same message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from batchbell.contract import Command, Fact, Message, Severity
from batchbell.dispatcher.dates import format_duration, format_time, from_milliseconds, parse_iso
from batchbell.dispatcher.messages import rerun
from batchbell.dispatcher.messages.failed_children import count_failed
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.job_message import job_message
from batchbell.dispatcher.records.job import Attempt, Job
from batchbell.wire import ENDED, MessageKind


def compose(job: Job, failures: Failures, zone: tzinfo = UTC, owner_tag: str = "", rerun_hint: bool = True) -> Message:
    """Compose the message.

    failures: empty if nothing failed.
    zone: the message shows times in it.
    owner_tag: names the tag that says whom the job concerns; "" for none.
    rerun_hint: whether the message has the command that runs what failed again.
    """
    return job_message(
        job,
        owner_tag,
        tuple(_facts(job, failures, zone)),
        key=job.key,
        kind=MessageKind.ARRAY_JOB if job.is_parent else MessageKind.SINGLE_JOB,
        status=job.status,
        severity=_severity(job),
        title=_title(job, failures),
        summary=_summary(job),
        failures=failures.groups,
        notes=(failures.problem,) if failures.problem else (),
        commands=_commands(job) if rerun_hint else (),
        thread=job.first_arn or job.arn,
    )


def _severity(job: Job) -> Severity:
    return {"SUCCEEDED": Severity.SUCCESS, "FAILED": Severity.FAILURE}.get(job.status, Severity.INFO)


def _title(job: Job, failures: Failures) -> str:
    return rerun.title(job, failures) if job.first_arn else f"{_subject(job)} {_outcome(job, failures)}"


def _commands(job: Job) -> tuple[Command, ...]:
    command = rerun.command(job)
    return (command,) if command else ()


def _subject(job: Job) -> str:
    return job.name if job.array_index is None else f"Child {job.array_index} of {job.name}"


def _summary(job: Job) -> str:
    kind = "Array job" if job.is_parent else "Job" if job.array_index is None else "Child of an array job"
    total = _between(from_milliseconds(job.created_at), finished_at(job))
    where = f" on {job.queue_name}" if job.queue else ""
    after = "" if total is None else f", {format_duration(total)} after it was submitted"
    return f"{kind}{where}{after}"


def _outcome(job: Job, failures: Failures) -> str:
    """ "failed: 3 of 7 children", with numbers only where the event or the look-up supports them."""
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
    if job.queue:
        yield Fact("Job queue", job.queue_name)
    if job.definition:
        yield Fact("Job definition", job.definition_name)
    if attempts := _attempts(job):
        yield Fact("Attempts", attempts)
    if job.status_reason and job.status != "SUCCEEDED" and not failures.groups:
        yield Fact("Reason", job.status_reason)
    if finished := finished_at(job):
        yield Fact("Finished" if job.status in ENDED else "Time", format_time(finished, zone))
    yield Fact("Job id", job.id)
    yield from rerun.facts(job)


def _children(job: Job, failures: Failures) -> str:
    if job.status == "SUCCEEDED":
        return f"{job.array_size:,} succeeded"
    return count_failed(job, failures).counts if job.failed else f"{job.array_size:,}"


def _attempts(job: Job) -> str:
    """ "2 of 3"; for a parent "up to 3 for each child"."""
    allowed = job.attempts_allowed or 1
    if job.is_parent:
        return f"up to {allowed} for each child" if allowed > 1 else ""
    made = len(job.attempts)
    return f"{made} of {max(made, allowed)}{_how_they_ended(job.attempts)}" if made else ""


def _how_they_ended(attempts: Sequence[Attempt]) -> str:
    """ " (2 lost their instance, 1 failed)", where more than one attempt was made and Batch says how each ended."""
    lost = sum(one.lost_its_host for one in attempts)
    failed = sum(not one.lost_its_host and bool(one.exit_code) for one in attempts)
    known = ((lost, "lost its instance" if lost == 1 else "lost their instance"), (failed, "failed"))
    ends = ", ".join(f"{number} {how}" for number, how in known if number)
    return f" ({ends})" if ends and len(attempts) > 1 else ""


def finished_at(job: Job) -> datetime | None:
    """When the job stopped; if that is missing, the event's time."""
    return from_milliseconds(job.stopped_at) or parse_iso(job.event_time)


def _duration(job: Job) -> str:
    """ "12 min 44 s" from submission to end, and its parts if the event has them: "(queued 40 s, ran 12 min 4 s)".

    Empty if the event lacks the times.
    """
    created, finished = from_milliseconds(job.created_at), finished_at(job)
    total = _between(created, finished)
    if total is None:
        return ""
    tries = job.attempts or (Attempt(job.started_at, job.stopped_at),)
    queued = _between(created, from_milliseconds(tries[0].started_at))
    runs = [_between(from_milliseconds(one.started_at), from_milliseconds(one.stopped_at)) for one in tries]
    ran = sum(run for run in runs if run is not None)
    parts = []
    if queued is not None and queued <= total:
        parts.append(f"queued {format_duration(queued)}")
    if None not in runs and ran <= total:
        parts.append(f"ran {format_duration(ran)}" + (f" in {len(runs)} attempts" if len(runs) > 1 else ""))
    return format_duration(total) + (f" ({', '.join(parts)})" if parts else "")


def _between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds; None if a time is missing or `end` is before `start`.

    The event's time is in whole seconds and may be up to a second before the job's milliseconds: that counts as 0.
    """
    if start is None or end is None:
        return None
    seconds = (end - start).total_seconds()
    return max(0.0, seconds) if seconds > -1 else None
