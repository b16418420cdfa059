"""How many children of an array job failed, and whether that number is exact.

Two sources, and both may lag: the counts in the event, and Batch's list of failed children. A failed child stays
failed, so each is a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.records.job import Job


@dataclass(frozen=True)
class FailedCount:
    """`failed` of `size` children failed, or at least so many unless `exact`; 0: unknown."""

    size: int
    failed: int
    exact: bool

    @property
    def outcome(self) -> str:
        """The rest of a title after "failed", such as ": 3 of 7 children"."""
        children = f"{self.size:,} children"
        if not self.failed:
            return f" ({children})"
        if not self.exact:
            return f": at least {self.failed:,} of {children}"
        return f": all {children}" if self.failed == self.size else f": {self.failed:,} of {children}"

    @property
    def counts(self) -> str:
        """Such as "3 failed, 4 succeeded"."""
        if not self.failed:
            return f"{self.size:,}"
        if not self.exact:
            return f"at least {self.failed:,} of {self.size:,} failed"
        rest = self.size - self.failed
        return f"{self.failed:,} failed" + (f", {rest:,} succeeded" if rest else "")


def count_failed(job: Job, failures: Failures) -> FailedCount:
    """`job`: the parent of an array that failed."""
    size, counted = job.array_size or 0, job.counts.get("FAILED", 0)
    # Exact if the event counts every child as finished, or if Batch listed at least as many as the event counts.
    adds_up = counted > 0 and counted + job.counts.get("SUCCEEDED", 0) == size and counted >= failures.count
    listed = failures.complete and failures.count > 0 and failures.count >= counted
    failed = max(counted, failures.count)
    return FailedCount(size, failed, adds_up or listed) if 0 < failed <= size else FailedCount(size, 0, False)
