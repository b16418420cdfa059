"""The warning that an array runs for longer than it should."""

from __future__ import annotations

from batchbell.contract import Fact, Message
from batchbell.dispatcher.dates import format_duration
from batchbell.dispatcher.messages.running_job import NO_FORECAST, Observed, about, pace, warn
from batchbell.wire import MessageKind, Status


def compose_overdue(observed: Observed, limit: float, owner_tag: str = "") -> Message:
    """Compose the message.

    limit: seconds that the job may run.
    owner_tag: as in `finished_job.compose`.
    """
    progress, left, rate = observed.array.progress, observed.seconds_left, observed.rate
    facts = [Fact("Expected within", format_duration(limit))]
    if rate is not None:
        facts.append(Fact("Rate", pace(rate)))
    if left is not None:
        facts.append(Fact("Ends", f"At this rate it ends {_when(observed, left)}"))
    running = format_duration(observed.runs_for or 0.0)
    return warn(
        observed,
        Status.OVERDUE,
        MessageKind.OVERDUE,
        owner_tag,
        f" is overdue: {progress.finished:,} of {progress.total:,} children done after {running}",
        facts=facts,
        notes=() if left is not None else (NO_FORECAST,),
    )


def _when(observed: Observed, left: float) -> str:
    return f"about {observed.at(observed.now + left)}, in {about(left)}"
