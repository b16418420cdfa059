"""What all messages about a running array job have in common: how far it is, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from batchbell.contract import Fact, Message, Severity
from batchbell.dispatcher.dates import format_duration, format_time
from batchbell.dispatcher.messages.end_job import end_job
from batchbell.dispatcher.messages.job_message import job_message
from batchbell.dispatcher.watch.forecast import forecast
from batchbell.dispatcher.watch.memory import Seen
from batchbell.dispatcher.watch.predicates import running_since
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.wire import MessageKind, Status

NO_FORECAST = "It cannot be told when it ends: no child has finished."
# In the order of a child's life (AWS Batch User Guide, "Job states"), as people read them.
_STATES = ("SUCCEEDED", "FAILED", "RUNNING", "STARTING", "RUNNABLE", "PENDING", "SUBMITTED")


@dataclass(frozen=True)
class Observed:
    """A running array as a sweep saw it at `now` (epoch seconds). `zone`: messages show times in it."""

    array: RunningArray
    seen: Seen
    now: float
    zone: tzinfo = UTC

    @property
    def counted(self) -> float:
        """When AWS counted the children, as far as it says."""
        updated = self.array.updated_at
        return updated if updated is not None and updated <= self.now else self.now

    @property
    def runs_for(self) -> float | None:
        """Seconds; None if no child has started."""
        since = running_since(self.array, self.seen)
        return None if since is None else max(0.0, self.now - since)

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None if it cannot be told."""
        expected = forecast(self.array, self.seen, self.now)
        return None if expected is None else expected.ends - self.now

    @property
    def rate(self) -> float | None:
        """Children that finish a second."""
        expected = forecast(self.array, self.seen, self.now)
        return None if expected is None else expected.rate

    def at(self, moment: float) -> str:
        return format_time(datetime.fromtimestamp(moment, UTC), self.zone)


def warn(observed: Observed, status: Status, kind: MessageKind, owner_tag: str, title: str, **parts: Any) -> Message:
    """Compose a warning.

    title: what comes after the job's name.
    parts: `facts` of its own, and other fields of the message.
    """
    job = observed.array.job
    facts = (*parts.pop("facts", ()), *facts_about(observed))
    return job_message(
        job,
        owner_tag,
        facts,
        key=f"{job.arn}#{status}",
        kind=kind,
        status=status,
        severity=Severity.WARNING,
        title=f"{job.name}{title}",
        summary=summary(observed),
        commands=end_job(job),
        progress=observed.array.progress,
        **parts,
    )


def summary(observed: Observed) -> str:
    job, seconds = observed.array.job, observed.runs_for
    running = "" if seconds is None else f", running for {format_duration(seconds)}"
    return f"Array job on {job.queue_name}{running}"


def facts_about(observed: Observed) -> Sequence[Fact]:
    job = observed.array.job
    facts = [Fact("Children", states(observed.array))]
    if (seconds := observed.runs_for) is not None:
        facts.append(Fact("Running for", format_duration(seconds)))
    facts.append(Fact("Job queue", job.queue_name))
    if job.definition:
        facts.append(Fact("Job definition", job.definition_name))
    return [*facts, Fact("As of", observed.at(observed.counted)), Fact("Job id", job.id)]


def states(array: RunningArray) -> str:
    """ "10,000: 117 succeeded, 3 failed, 30 running, 9,850 runnable"."""
    counts = [(array.job.counts.get(state, 0), state.lower()) for state in _STATES]
    known = ", ".join(f"{number:,} {state}" for number, state in counts if number > 0)
    return f"{array.size:,}: {known}" if known else f"{array.size:,}"


def about(seconds: float) -> str:
    """A duration as a forecast gives it: "about 2 h 10 min", "about 40 min", "under a minute"."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    step = 1 if minutes < 60 else 5 if minutes < 600 else 60
    return f"about {format_duration(round(minutes / step) * step * 60)}"


def pace(rate: float) -> str:
    """ "40 children a minute", or "3.5 children an hour" where that says more."""
    units = ((60, "a minute"), (3_600, "an hour"), (86_400, "a day"))
    seconds, unit = next((one for one in units if rate * one[0] >= 1), units[-1])
    number = rate * seconds
    shown = f"{number:,.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")
    return f"{shown} {'child' if shown == '1' else 'children'} {unit}"
