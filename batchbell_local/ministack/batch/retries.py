"""Retry strategies: how often an attempt is repeated, and for which endings (AWS Batch User Guide, "Automated job
retries")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .wire import Json, Refused

MAX_ATTEMPTS = 10
MAX_RULES = 5
CONDITIONS = ("onExitCode", "onReason", "onStatusReason")


@dataclass(frozen=True)
class Ending:
    """How an attempt ended: the container's exit code and reason, and the status reason of the attempt."""

    exit_code: int | None
    reason: str | None
    status_reason: str


@dataclass(frozen=True)
class RetryStrategy:
    """Up to `attempts` attempts; `rules` are evaluateOnExit entries, the first that matches decides."""

    attempts: int
    rules: tuple[Json, ...]

    @classmethod
    def parse(cls, given: Any) -> RetryStrategy | None:
        """The strategy of a request's `retryStrategy`, None when there is none; raises Refused when it is wrong."""
        if given is None:
            return None
        attempts, rules = given.get("attempts"), given.get("evaluateOnExit") or []
        if rules and attempts is None:
            raise Refused("retryStrategy.attempts is required with evaluateOnExit")
        if not isinstance(attempts, int) or not 1 <= attempts <= MAX_ATTEMPTS:
            raise Refused(f"retryStrategy.attempts must be 1 to {MAX_ATTEMPTS}, got {attempts!r}")
        if len(rules) > MAX_RULES:
            raise Refused(f"retryStrategy.evaluateOnExit takes at most {MAX_RULES} entries")
        for rule in rules:
            if str(rule.get("action", "")).lower() not in ("retry", "exit"):
                raise Refused(f"evaluateOnExit.action must be RETRY or EXIT, got {rule.get('action')!r}")
            if not any(condition in rule for condition in CONDITIONS):
                raise Refused(f"an evaluateOnExit entry needs one of {', '.join(CONDITIONS)}")
        # Batch gives the actions back in lower case (seen in a real event).
        return cls(attempts, tuple({**rule, "action": str(rule["action"]).lower()} for rule in rules))

    def wants_another(self, attempts_so_far: int, ending: Ending) -> bool:
        """Whether a failed attempt is repeated. What no rule matches is repeated (API reference, RetryStrategy)."""
        if attempts_so_far >= self.attempts:
            return False
        for rule in self.rules:
            if _matches(rule, ending):
                return bool(rule["action"] == "retry")
        return True

    def to_json(self) -> Json:
        return {"attempts": self.attempts, "evaluateOnExit": [dict(rule) for rule in self.rules]}


def _matches(rule: Json, ending: Ending) -> bool:
    # An absent reason or exit code reads as empty: `onReason: "*"` ended a real job whose container had no reason.
    values = {
        "onExitCode": "" if ending.exit_code is None else str(ending.exit_code),
        "onReason": ending.reason or "",
        "onStatusReason": ending.status_reason,
    }
    return all(_fits(rule[condition], values[condition]) for condition in CONDITIONS if rule.get(condition))


def _fits(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
