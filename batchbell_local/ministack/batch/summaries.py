"""What AWS shows of an array's children: counts that may lag behind, or be missing from lists.

AWS documents a summary in DescribeJobs and, since 2026-02-03, in ListJobs, with the time of its last update, but not
how soon it follows (API reference, ArrayPropertiesSummary: optional, as all of its fields). The summary of a finished
array is exact, as is that of an event.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..clocks import clock
from .jobs import ArrayParent, Status
from .operation import Json

STEP = 100  # ms between two summaries that are kept, so that an array of 10,000 does not fill the memory


@dataclass
class Summaries:
    """`lag`: how many seconds old the shown counts are; `in_lists`: whether ListJobs shows them."""

    lag: float = 0.0
    in_lists: bool = True

    def keep(self, parent: ArrayParent) -> None:
        """Keep the counts as they are before a change."""
        if not self.lag:
            return
        since, counts = parent.counted_at, parent.counts.copy()
        if parent.past and since - parent.past[-1][0] < STEP:
            since = parent.past.pop()[0]
        parent.past.append((since, counts))

    def shown(self, parent: ArrayParent) -> Json:
        """Return the array's properties with the counts of `lag` seconds ago."""
        until = clock.now_ms() - self.lag * 1000
        updated, counts = parent.counted_at, parent.counts
        if self.lag and not parent.status.is_final and updated > until and parent.past:
            while len(parent.past) > 1 and parent.past[1][0] <= until:
                parent.past.popleft()
            updated, counts = parent.past[0]
        return exact(parent) | {
            "statusSummary": {str(status): counts[status] for status in Status},
            "statusSummaryLastUpdatedAt": updated,
        }


def exact(parent: ArrayParent) -> Json:
    """Return the array's properties with the counts of now."""
    return {
        "statusSummary": {str(status): parent.counts[status] for status in Status},
        "statusSummaryLastUpdatedAt": parent.counted_at,
        "size": len(parent.children),
    }


summaries = Summaries()
