"""The message that shows how far an array is, while it runs."""

from __future__ import annotations

from batchbell.contract import Message, Severity
from batchbell.dispatcher.messages.job_message import job_message
from batchbell.dispatcher.messages.running_job import Observed, about, facts_about, summary
from batchbell.wire import BOARD, MessageKind, Status


def compose_progress(observed: Observed, owner_tag: str = "") -> Message:
    """`owner_tag`: as in `finished_job.compose`."""
    job = observed.array.job
    return job_message(
        job,
        owner_tag,
        facts_about(observed),
        key=f"{job.arn}{BOARD}",
        kind=MessageKind.PROGRESS,
        status=Status.RUNNING,
        severity=Severity.INFO,
        title=f"{job.name} {_state(observed)}",
        summary=summary(observed),
        progress=observed.array.progress,
    )


def _state(observed: Observed) -> str:
    """ "is running: 120 of 10,000 done, 3 failed, about 2 h left", as far as that can be told."""
    progress, left = observed.array.progress, observed.seconds_left
    if not progress.started:
        return f"waits in its queue: none of {progress.total:,} children has started"
    parts = [f"{progress.finished:,} of {progress.total:,} done"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if left is not None:
        parts.append(f"{about(left)} left")
    return f"is running: {', '.join(parts)}"
