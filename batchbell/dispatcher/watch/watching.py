"""What a stack's sweeps look at, and when they warn: read from the manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from batchbell.wire import Watch

_REVISION = re.compile(r":[0-9]+$")


@dataclass(frozen=True)
class Rules:
    """When a running array is worth a warning. None: never.

    percent, at_least: of the finished children, and children: both must have failed.
    overdue: patterns of job names, each with seconds; the first that matches counts.
    stalled: seconds without a child that starts or finishes.
    """

    percent: float | None = None
    at_least: int = 1
    overdue: tuple[tuple[str, float], ...] = ()
    stalled: float | None = None

    def overdue_after(self, job_name: str) -> float | None:
        """Seconds; None for a job that may run as long as it takes."""
        return next((seconds for pattern, seconds in self.overdue if fnmatchcase(job_name, pattern)), None)


@dataclass(frozen=True)
class Watching:
    """The job queues and definitions are those of the stack's rule for finished jobs.

    queues: ARNs; empty for all of the account in this Region.
    definitions: the ARNs of their revisions begin with one of these; empty for all.
    statuses: those in which a finished job sends a message.
    """

    queues: tuple[str, ...]
    definitions: tuple[str, ...]
    statuses: tuple[str, ...]
    rules: Rules = Rules()

    def includes(self, definition: str) -> bool:
        """Whether the rule matches jobs of this definition (an ARN with revision)."""
        return not self.definitions or definition.startswith(self.definitions)

    @classmethod
    def from_manifest(cls, watch: Watch) -> Watching:
        """Raises KeyError, TypeError or ValueError if it is not what the deploy writes."""
        early, stalled = watch.get("early_failures"), watch.get("stalled_after")
        return cls(
            queues=tuple(watch["queues"]),
            # With the colon, so that no other definition's name matches.
            definitions=tuple(f"{_REVISION.sub('', arn)}:" for arn in watch["definitions"]),
            statuses=tuple(watch["statuses"]),
            rules=Rules(
                percent=None if early is None else float(early["percent"]),
                at_least=1 if early is None else int(early["at_least"]),
                overdue=tuple((one["jobs"], float(one["minutes"]) * 60) for one in watch.get("overdue_after", ())),
                stalled=None if stalled is None else float(stalled) * 60,
            ),
        )
