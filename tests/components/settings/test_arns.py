from __future__ import annotations

import pytest

from components.settings.arns import any_revision, definition_problem, queue_problem

PLACE = "arn:aws:batch:us-east-1:123456789012"
NIGHTLY, RENDER = f"{PLACE}:job-queue/nightly", f"{PLACE}:job-definition/render"


def test_the_revision_is_removed():
    assert any_revision(f"{RENDER}:12") == any_revision(RENDER) == f"{RENDER}:"


@pytest.mark.parametrize("problem", [queue_problem, definition_problem])
@pytest.mark.parametrize("secret", ["https://hooks.slack.com/x", "x" * 5_000, f"arn:{'x' * 5_000}", ["notarealtoken"]])
def test_a_value_that_is_not_an_arn_and_may_be_a_secret_is_not_shown(problem, secret):
    reported = problem(secret)

    assert "takes the ARN of a job " in reported
    assert len(reported) < 200
    assert "hooks" not in reported and "notarealtoken" not in reported


def test_an_accounts_digits_are_ascii():
    assert queue_problem(NIGHTLY.replace("1", "\u0661")) is not None
