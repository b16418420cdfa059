"""Since when an array runs that was running already when the first sweep saw it, and whose startedAt AWS leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchbell.dispatcher.records.containers import attempts_of
from batchbell.dispatcher.records.json_object import JsonObject
from batchbell.dispatcher.watch.listing import Listing
from batchbell.dispatcher.watch.running_array import RunningArray


def look_up_begin(arrays: Sequence[RunningArray], listing: Listing, now: float) -> Mapping[str, float]:
    """Ask when the first child started, with one call for 100 arrays. Raises the errors of boto3.

    Returns epoch seconds by the arrays' ARNs; an array whose first child has not started is missing.
    """
    by_child = {f"{array.job.id}:0": array for array in arrays}
    found = {}
    for child_id, described in listing.describe(list(by_child)).items():
        array, child = by_child.get(child_id), JsonObject(described, "the child")
        attempts = (one.integer("startedAt") for one in attempts_of(child))
        started = [moment / 1000 for moment in (child.integer("startedAt"), *attempts) if moment]
        if array is not None and started and min(started) <= now:
            found[array.job.arn] = min(started)
    return found
