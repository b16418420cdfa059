"""The live message about a running array job: what it says first, and which messages take its place."""

from __future__ import annotations

from dataclasses import replace

from batchbell.contract import Message, Progress, Severity
from batchbell.texts import tidy
from batchbell.wire import BOARD, MessageKind, Status

LAST_STATE = 10**12  # of a job that has finished: more than any number of children gives


def is_live(message: Message) -> bool:
    """True if the message is shown in place of the one before."""
    return message.kind == MessageKind.PROGRESS and message.key.endswith(BOARD)


def is_passing(message: Message) -> bool:
    """True if it will be replaced by a newer one anyhow: the job runs."""
    return is_live(message) and message.status == Status.RUNNING


def shown_number(message: Message) -> int:
    """Return the number of what the live message shows: `progress_number`, or that of the last state."""
    if not is_passing(message):
        return LAST_STATE
    return 0 if message.progress is None else progress_number(message.progress)


def progress_number(progress: Progress) -> int:
    """Return a number that only grows while the job runs. Children that Batch retries begin again, but end once."""
    return progress.finished * (progress.total + 1) + progress.started


def compose_opening(message: Message) -> Message:
    """Compose what is sent first. It stays true for ever, since its receipt may be lost.

    message: what is to be shown in its place.
    """
    children = f"{message.progress.total:,} children, " if message.progress else ""
    return tidy(
        replace(
            message,
            severity=Severity.INFO,
            title=f"{message.job_name}: {children}how far it is follows here",
            summary=f"Array job on {message.queue}" if message.queue else "Array job",
            facts=(),
            failures=(),
            notes=(),
            commands=(),
            progress=None,
        )
    )


def as_last_state(message: Message, job_arn: str) -> Message:
    """Return the message about a finished job as what its live message shows at last."""
    return replace(message, kind=MessageKind.PROGRESS, key=f"{job_arn}{BOARD}")
