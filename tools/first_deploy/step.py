"""A step of the run, its time limit, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .run import Run

Findings = Mapping[str, Any]  # JSON types


class StepFailed(Exception):
    """A step did not find what it needs, or what must be; `findings` are what it has found."""

    def __init__(self, reason: str, findings: Findings | None = None) -> None:
        super().__init__(reason)
        self.findings = findings or {}


class Deadline:
    """The end of a step's time."""

    def __init__(self, seconds: float) -> None:
        self._limit = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds. Raises StepFailed if none are left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise StepFailed(f"its limit of {self._limit:g} s has passed")
        return left

    def sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end. Raises StepFailed if no time is left."""
        time.sleep(min(seconds, self.left))


@dataclass(frozen=True)
class Step:
    """What a step does and costs, in words for the person whose account it is.

    limit: seconds
    ends_run: whether nothing can follow if it fails
    """

    name: str
    does: str
    costs: str
    limit: float
    action: Callable[[Run, Deadline], Findings]
    ends_run: bool = False


@dataclass(frozen=True)
class StepResult:
    """How a step ended: "ok", "failed" or "interrupted"; `reason` is "" if it is ok."""

    step: Step
    outcome: str
    reason: str
    seconds: float
    findings: Findings

    def to_dict(self) -> dict[str, Any]:
        return {
            "step": self.step.name,
            "does": self.step.does,
            "costs": self.step.costs,
            "limit_seconds": self.step.limit,
            "outcome": self.outcome,
            "reason": self.reason,
            "seconds": round(self.seconds, 1),
            "findings": dict(self.findings),
        }
