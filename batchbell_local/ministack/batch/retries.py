"""Retry strategies: how often and after which results an attempt is repeated.

Source: AWS Batch User Guide, "Automated job retries".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .operation import ClientException, Json

MAX_ATTEMPTS = 10
MAX_RULES = 5
CONDITIONS = ("onExitCode", "onReason", "onStatusReason")


@dataclass(frozen=True)
class AttemptResult:
    """How an attempt ended: the container's exit code and reason, and the attempt's status reason."""

    exit_code: int | None
    reason: str | None
    status_reason: str


@dataclass(frozen=True)
class RetryStrategy:
    """Up to `attempts` attempts. `rules` are evaluateOnExit entries; the first that matches decides."""

    attempts: int
    rules: tuple[Json, ...]

    @classmethod
    def parse(cls, given: Any) -> RetryStrategy | None:
        """Parse a request's `retryStrategy`; None if it has none. Raises ClientException if it is invalid."""
        if given is None:
            return None
        attempts, rules = given.get("attempts"), given.get("evaluateOnExit") or []
        if rules and attempts is None:
            raise ClientException("retryStrategy.attempts is required with evaluateOnExit")
        if not isinstance(attempts, int) or not 1 <= attempts <= MAX_ATTEMPTS:
            raise ClientException(f"retryStrategy.attempts must be 1 to {MAX_ATTEMPTS}, got {attempts!r}")
        if len(rules) > MAX_RULES:
            raise ClientException(f"retryStrategy.evaluateOnExit takes at most {MAX_RULES} entries")
        for rule in rules:
            if str(rule.get("action", "")).lower() not in ("retry", "exit"):
                raise ClientException(f"evaluateOnExit.action must be RETRY or EXIT, got {rule.get('action')!r}")
            if not any(condition in rule for condition in CONDITIONS):
                raise ClientException(f"an evaluateOnExit entry needs one of {', '.join(CONDITIONS)}")
        # Batch returns the actions in lower case (seen in a real event).
        return cls(attempts, tuple({**rule, "action": str(rule["action"]).lower()} for rule in rules))

    def allows_retry(self, attempts_so_far: int, result: AttemptResult) -> bool:
        """Whether to repeat a failed attempt; if no rule matches it is repeated (API reference, RetryStrategy)."""
        if attempts_so_far >= self.attempts:
            return False
        for rule in self.rules:
            if _matches(rule, result):
                return bool(rule["action"] == "retry")
        return True

    def to_json(self) -> Json:
        return {"attempts": self.attempts, "evaluateOnExit": [dict(rule) for rule in self.rules]}


def _matches(rule: Json, result: AttemptResult) -> bool:
    # An absent reason or exit code reads as empty: `onReason: "*"` ended a real job whose container had no reason.
    values = {
        "onExitCode": "" if result.exit_code is None else str(result.exit_code),
        "onReason": result.reason or "",
        "onStatusReason": result.status_reason,
    }
    return all(_fits(rule[condition], values[condition]) for condition in CONDITIONS if rule.get(condition))


def _fits(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
