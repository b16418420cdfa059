"""When a running array will have ended, if its children go on finishing as fast as until now."""

from __future__ import annotations

from dataclasses import dataclass

from batchbell.dispatcher.watch.memory import Seen
from batchbell.dispatcher.watch.predicates import running_since
from batchbell.dispatcher.watch.running_array import RunningArray

LONGEST = 366 * 86_400  # s; what would take longer, nobody can tell


@dataclass(frozen=True)
class Forecast:
    """`rate`: children that finish a second. `ends`: epoch seconds."""

    rate: float
    ends: float


def forecast(array: RunningArray, seen: Seen, now: float) -> Forecast | None:
    """None if no child has finished, or nothing says since when the array runs."""
    since, progress = running_since(array, seen), array.progress
    # What AWS counted a while ago is a rate until then.
    counted = array.updated_at if array.updated_at is not None and array.updated_at <= now else now
    if since is None or counted <= since or not progress.finished:
        return None
    # A child that runs is half done on average: without it the forecast would lag by half a child's time.
    done = progress.finished + max(0, array.job.counts.get("RUNNING", 0)) / 2
    rate = done / (counted - since)
    left = max(0.0, progress.total - done) / rate
    return Forecast(rate, max(now, counted + left)) if left <= LONGEST else None
