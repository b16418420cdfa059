"""The warning that many of a running array's first children failed."""

from __future__ import annotations

from batchbell.contract import Message
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.running_job import Observed, warn
from batchbell.wire import MessageKind, Status


def compose_early_failures(observed: Observed, failures: Failures, owner_tag: str = "") -> Message:
    """`owner_tag`: as in `finished_job.compose`."""
    progress = observed.array.progress
    finished = f"{progress.finished:,}"
    which = "all" if progress.failed == progress.finished else f"{progress.failed:,} of"
    return warn(
        observed,
        Status.EARLY,
        MessageKind.EARLY_FAILURES,
        owner_tag,
        f": {which} the first {finished} children failed",
        failures=failures.groups,
        notes=(failures.problem,) if failures.problem else (),
    )
