"""Runs the demo on each platform: three rules on the same events, and what each channel received."""

from __future__ import annotations

import pytest

from demo.print_color import run_print_color


@pytest.mark.parametrize(("platform", "tutorial"), [("EC2", 1), ("FARGATE", 8)])
def test_the_parent_rule_fires_once_where_others_fire_for_each_child(project, platform, tutorial):
    run = run_print_color(project, platform, fail=[2, 5])

    assert run.events == 8
    assert run.fired == {"every-job": 8, "tutorial": tutorial, "parent-only": 1}
    assert run.messages == {"slack": 1, "email": 1, "sns": 1}
    assert run.wrong_counts() == []
    assert run.received.email[0]["Subject"] == "print-color failed: 2 of 7 children"


def test_a_channel_that_fails_during_the_demo_does_not_affect_the_others(project):
    def kill_slack(cloud, sink):
        sink.kill()

    run = run_print_color(project, "FARGATE", size=3, before_the_job=kill_slack)

    assert run.messages == {"slack": 0, "email": 1, "sns": 1}
    assert run.wrong_counts() == ["slack: 0, not 1"]
