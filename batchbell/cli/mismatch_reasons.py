"""What it means that an event does not match the stack's rule: a child, a single job, another queue, …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.event_file import name_part
from batchbell.cli.pattern_matching import find_mismatched_fields
from batchbell.dispatcher.records import blocked_queue
from batchbell.texts import one_line

SHOWN = 120  # characters of what the event says
_PARTS = ("detail.arrayProperties", "detail.nodeDetails")
# By the field: the kind, what the event's value means, what to do if the event should match after all.
_MEANINGS = {
    "source": ("other-source", "it comes from {}, not from AWS Batch", ""),
    "detail-type": ("other-detail-type", "its detail-type is {}, which no rule of the stack is for", ""),
    "detail.status": ("other-status", "the job is {}, a state that the stack does not tell", "`statuses` chooses them"),
    "detail.jobQueue": ("other-queue", "it ran on another job queue: {}", "`job_queue_arns` chooses them"),
    "detail.jobDefinition": (
        "other-definition",
        "it ran another job definition: {}",
        "`job_definition_arns` chooses them",
    ),
}


@dataclass(frozen=True)
class Mismatch:
    """A field of the pattern that keeps the event from matching. `kind` is for programs, `meaning` and `hint` are for
    people; `reason`: what the field is, and what the rule wants."""

    field: str
    kind: str
    meaning: str
    hint: str
    reason: str

    @property
    def text(self) -> str:
        return f"{self.field} does not match: {self.reason} ({self.meaning})"


def explain_mismatches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> Sequence[Mismatch]:
    """In the pattern's order; of the fields that tell a part from a whole job, only the first. Empty if it matches."""
    found: list[Mismatch] = []
    for field, reason in find_mismatched_fields(pattern, event).items():
        kind, meaning, hint = _part(event) if field.startswith(_PARTS) else _meaning(field, event)
        if kind not in {one.kind for one in found}:
            found.append(Mismatch(field, kind, meaning, hint, reason))
    # An event of another kind has other fields: that they differ tells nothing more.
    foreign = [one for one in found if one.kind in ("other-source", "other-detail-type")]
    return foreign or found


def _part(event: Mapping[str, Any]) -> tuple[str, str, str]:
    if (part := name_part(event)) is None:
        return "single-job", "it is a single job, no array", "`single_jobs: true` tells those too"
    kind = part.partition(" ")[0]
    return kind, f"it is {part}", "The event of the whole job is the one that is told"


def _meaning(field: str, event: Mapping[str, Any]) -> tuple[str, str, str]:
    kind, meaning, hint = _MEANINGS[field]
    value: Any = event
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if field == "detail-type" and value == blocked_queue.DETAIL_TYPE:
        hint = "`queue_blocked: true` tells those"
    return kind, meaning.format("missing" if value is None else one_line(str(value), SHOWN)), hint
