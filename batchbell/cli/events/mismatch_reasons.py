"""Explains why an event does not match a stack's rule: a child, a single job, another queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.events.event_file import name_part
from batchbell.cli.events.pattern_matching import find_mismatched_fields
from batchbell.texts import one_line
from batchbell.wire import DetailType

SHOWN = 120  # characters of a value
_PARTS = ("detail.arrayProperties", "detail.nodeDetails")
# For each field: the kind of mismatch, its meaning, and which setting changes it.
_MEANINGS = {
    "source": ("other-source", "it comes from {}, not from AWS Batch", ""),
    "detail-type": ("other-detail-type", "its detail-type is {}, which no rule of the stack matches", ""),
    "detail.status": (
        "other-status",
        "the job is {}, which the stack does not report",
        "`statuses` selects states",
    ),
    "detail.jobQueue": ("other-queue", "it ran on another job queue: {}", "`job_queue_arns` selects queues"),
    "detail.jobDefinition": (
        "other-definition",
        "it ran another job definition: {}",
        "`job_definition_arns` selects job definitions",
    ),
}


@dataclass(frozen=True)
class Mismatch:
    """A field of the pattern that the event does not match."""

    field: str
    kind: str  # for programs
    meaning: str  # for people
    hint: str  # which setting changes it; may be empty
    reason: str  # the event's value, and the values that the rule matches

    @property
    def text(self) -> str:
        return f"{self.field} does not match: {self.reason} ({self.meaning})"


def explain_mismatches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> Sequence[Mismatch]:
    """Return the mismatches in the pattern's order, or none if the event matches.

    Several fields distinguish a part of a job from a whole one: only the first of these is returned.
    """
    found: list[Mismatch] = []
    for field, reason in find_mismatched_fields(pattern, event).items():
        kind, meaning, hint = _part(event) if field.startswith(_PARTS) else _meaning(field, event)
        if kind not in {one.kind for one in found}:
            found.append(Mismatch(field, kind, meaning, hint, reason))
    # An event of another kind has other fields: their mismatches add nothing.
    foreign = [one for one in found if one.kind in ("other-source", "other-detail-type")]
    return foreign or found


def _part(event: Mapping[str, Any]) -> tuple[str, str, str]:
    if (part := name_part(event)) is None:
        return "single-job", "it is a single job, not an array", "`single_jobs: true` includes single jobs"
    kind = part.partition(" ")[0]
    return kind, f"it is {part}", "Only the event of the whole job sends a message"


def _meaning(field: str, event: Mapping[str, Any]) -> tuple[str, str, str]:
    kind, meaning, hint = _MEANINGS[field]
    value: Any = event
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if field == "detail-type" and value == DetailType.QUEUE_BLOCKED:
        hint = "`queue_blocked: true` reports blocked queues"
    return kind, meaning.format("missing" if value is None else one_line(str(value), SHOWN)), hint
