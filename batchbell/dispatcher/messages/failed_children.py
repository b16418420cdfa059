"""How many children of an array job failed, and how sure that is.

Two sources, both of which may lag behind the children: the counts in the event, and the list of failed children that
Batch gives afterwards. A child that failed stays failed, so each is true at the least.
"""

from __future__ import annotations

from dataclasses import dataclass

from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.records.job import Job


@dataclass(frozen=True)
class Tally:
    """Of `size` children `failed` failed: exactly so many, or at the least; 0 where nobody can say."""

    size: int
    failed: int
    exact: bool

    @property
    def outcome(self) -> str:
        """What goes on from "failed", such as ": 3 of 7 children"."""
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


def count_failed(job: Job, failures: Failures) -> Tally:
    """`job`: the parent of an array that failed."""
    size, told = job.array_size or 0, job.counts.get("FAILED", 0)
    # Beyond doubt: every child is counted as finished, or Batch listed all that the event tells of.
    adds_up = told > 0 and told + job.counts.get("SUCCEEDED", 0) == size and told >= failures.count
    listed = failures.complete and failures.count > 0 and failures.count >= told
    failed = max(told, failures.count)
    return Tally(size, failed, adds_up or listed) if 0 < failed <= size else Tally(size, 0, False)
