"""Judges whether a stack's rules match an event, for every command: rules that are deployed, or of a stack's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell.cli.events.mismatch_reasons import Mismatch, explain_mismatches
from batchbell.cli.events.pattern_matching import split_pattern
from batchbell.wire import DetailType


@dataclass(frozen=True)
class Verdict:
    """Whether a rule matches an event, and if not, why."""

    pattern: Mapping[str, Any]  # the part of a rule's that matches, or else the one for events of this kind
    mismatches: Sequence[Mismatch]  # in the pattern's order; none if it matches

    @property
    def matches(self) -> bool:
        return not self.mismatches

    @property
    def rule(self) -> str:
        return "blocked" if DetailType.QUEUE_BLOCKED in _detail_types(self.pattern) else "finished"

    @property
    def why(self) -> str:
        """In one sentence."""
        return "; ".join(one.text for one in self.mismatches) or "every field of the pattern matches"


def judge(patterns: Sequence[Mapping[str, Any]], event: Mapping[str, Any]) -> Verdict:
    """Compare an event with the patterns of a stack's rules, at least one."""
    alternatives = [alternative for pattern in patterns for alternative in split_pattern(pattern)]
    verdicts = [Verdict(pattern, explain_mismatches(pattern, event)) for pattern in alternatives]
    kind = event.get("detail-type")
    # Deployed rules come in any order: an event of a kind that no rule is for is compared with that for finished jobs.
    return min(
        verdicts, key=lambda one: (not one.matches, kind not in _detail_types(one.pattern), one.rule != "finished")
    )


def _detail_types(pattern: Mapping[str, Any]) -> Sequence[Any]:
    types: Sequence[Any] = pattern.get("detail-type", ())
    return types
