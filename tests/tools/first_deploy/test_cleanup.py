"""What a first deploy removes, whatever happens."""

from __future__ import annotations

import pytest

from tools.first_deploy.cleanup import Cleanup
from tools.first_deploy.step import Deadline, StepFailed


def test_what_was_made_last_is_removed_first_and_only_once() -> None:
    removed: list[str] = []
    cleanup = Cleanup()
    for name in ("stack", "queue", "rule"):
        cleanup.add(name, lambda name=name: removed.append(name))  # type: ignore[misc]
    assert [one["removed"] for one in cleanup.run()] == removed == ["rule", "queue", "stack"]
    assert not cleanup
    assert cleanup.run() == []


def test_a_removal_that_fails_is_reported_and_keeps_no_other_from_running() -> None:
    removed: list[str] = []
    cleanup = Cleanup()
    cleanup.add("stack", lambda: removed.append("stack"))

    def refuse() -> None:
        raise RuntimeError("AccessDenied")

    cleanup.add("queue", refuse)
    assert [(one["removed"], one["outcome"]) for one in cleanup.run()] == [
        ("queue", "failed: AccessDenied"),
        ("stack", "ok"),
    ]
    assert removed == ["stack"]


def test_a_step_may_not_go_on_after_its_limit() -> None:
    with pytest.raises(StepFailed, match="its limit of 0 s has passed"):
        Deadline(0).sleep(1)
    assert 0 < Deadline(60).left <= 60
