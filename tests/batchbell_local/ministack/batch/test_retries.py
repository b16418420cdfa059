"""Which results of an attempt are retried."""

from __future__ import annotations

from typing import Any

import pytest

from batchbell_local.ministack.batch.operation import ClientException
from batchbell_local.ministack.batch.retries import AttemptResult, RetryStrategy

EXITED = "Essential container in task exited"


def strategy(*rules: dict[str, str], attempts: int = 3) -> RetryStrategy:
    found = RetryStrategy.parse({"attempts": attempts, "evaluateOnExit": list(rules)})
    assert found is not None
    return found


def test_without_rules_every_failure_is_retried_until_the_attempts_are_used_up() -> None:
    ending = AttemptResult(1, None, EXITED)
    assert [strategy().allows_retry(used, ending) for used in (1, 2, 3)] == [True, True, False]


def test_a_failure_that_no_rule_matches_is_retried() -> None:
    assert strategy({"onExitCode": "2", "action": "EXIT"}).allows_retry(1, AttemptResult(1, None, EXITED))


def test_the_first_rule_that_matches_decides() -> None:
    rules = ({"onExitCode": "1*", "action": "retry"}, {"onReason": "*", "action": "exit"})
    assert strategy(*rules).allows_retry(1, AttemptResult(137, None, EXITED))
    assert not strategy(*rules).allows_retry(1, AttemptResult(2, None, EXITED))


def test_all_conditions_of_a_rule_must_hold() -> None:
    rule = {"onExitCode": "1", "onStatusReason": "Host EC2*", "action": "EXIT"}
    assert strategy(rule).allows_retry(1, AttemptResult(1, None, EXITED))
    assert not strategy(rule).allows_retry(1, AttemptResult(1, None, "Host EC2 (instance i-1) terminated."))


def test_a_single_star_matches_a_container_without_a_reason() -> None:
    assert not strategy({"onReason": "*", "action": "EXIT"}).allows_retry(1, AttemptResult(1, None, EXITED))


def test_a_pattern_without_a_star_matches_the_whole_value_only() -> None:
    rule = {"onExitCode": "1", "action": "EXIT"}
    assert strategy(rule).allows_retry(1, AttemptResult(137, None, EXITED))


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"attempts": 2, "evaluateOnExit": [{"action": "RETRY"}]}, {"attempts": "3"}, {}],
)
def test_an_invalid_strategy_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientException):
        RetryStrategy.parse(wrong)
