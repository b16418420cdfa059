"""Which warnings about a running array are true. Pure: a sweep asks, and so does a ticket that comes later."""

from __future__ import annotations

from batchbell.dispatcher.watch.memory import Seen
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.watching import Rules
from batchbell.wire import Status

WARNINGS = (Status.EARLY, Status.OVERDUE, Status.STALLED)


def warnings_about(array: RunningArray, seen: Seen, rules: Rules, now: float) -> tuple[Status, ...]:
    """Return those that are true now. `now`: epoch seconds."""
    if not array.is_under_way:
        return ()
    found = {
        Status.EARLY: fails_early(array, rules),
        Status.OVERDUE: is_overdue(array, seen, rules, now),
        Status.STALLED: is_stalled(array, seen, rules, now),
    }
    return tuple(status for status in WARNINGS if found[status])


def fails_early(array: RunningArray, rules: Rules) -> bool:
    """Enough of its finished children failed, in number and in share."""
    progress = array.progress
    if rules.percent is None or progress.failed < max(1, rules.at_least):
        return False
    return progress.failed * 100 >= rules.percent * progress.finished


def is_overdue(array: RunningArray, seen: Seen, rules: Rules, now: float) -> bool:
    """It runs for longer than it may. One that waits in its queue does not run."""
    limit, since = rules.overdue_after(array.job.name), running_since(array, seen)
    return limit is not None and since is not None and array.progress.started > 0 and now - since > limit


def is_stalled(array: RunningArray, seen: Seen, rules: Rules, now: float) -> bool:
    """No child of it started or finished for so long."""
    return rules.stalled is not None and seen.moved is not None and now - seen.moved >= rules.stalled


def running_since(array: RunningArray, seen: Seen) -> float | None:
    """Epoch seconds; None if no child has started. AWS may leave a parent's startedAt out."""
    return array.job.started_at / 1000 if array.job.started_at else seen.seen
