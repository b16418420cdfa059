"""Whether an array stands still, or only its summary does.

AWS does not document how fresh `statusSummary` is: before people are told, the lists of its children are asked.
"""

from __future__ import annotations

from batchbell.dispatcher.records.json_object import JsonObject
from batchbell.dispatcher.watch.listing import Listing
from batchbell.dispatcher.watch.running_array import RunningArray

# What says when a child of this status last moved.
_TIMES = {"RUNNING": "startedAt", "SUCCEEDED": "stoppedAt", "FAILED": "stoppedAt"}


def moved_after(array: RunningArray, moment: float, limit: float, listing: Listing) -> float | None:
    """When a child last started or finished, if that was after `moment`; None if none did. Times are epoch seconds.

    Nobody is asked if AWS counted the children so long after `moment` (`limit`, seconds) that it does not matter. Of
    each status the first 1,000 children are asked for. Raises the errors of boto3, and NotAsked.
    """
    if array.updated_at is not None and array.updated_at - moment >= limit:
        return None
    for status, time in _TIMES.items():
        moves = (JsonObject(child, "the child").integer(time) for child in listing.children(array.job.id, status))
        latest = max((move / 1000 for move in moves if move), default=0.0)
        if latest > moment:
            return latest
    return None
