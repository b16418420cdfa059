"""The demo's run on each platform: the three rules on the same events, and what each channel received."""

from __future__ import annotations

import pytest

from demo.print_color import rehearse


@pytest.mark.parametrize(("platform", "tutorial"), [("EC2", 1), ("FARGATE", 8)])
def test_the_parent_rule_fires_once_where_others_fire_for_children(project, platform, tutorial):
    run = rehearse(project, platform, fail=[2, 5])

    assert run.events == 8
    assert run.fired == {"every-job": 8, "tutorial": tutorial, "parent-only": 1}
    assert run.messages == {"slack": 1, "email": 1, "sns": 1}
    assert run.wrong() == []
    assert run.received.email[0]["Subject"] == "print-color failed: 2 of 7 children"


def test_a_channel_that_dies_during_the_demo_leaves_the_others_their_one_message(project):
    def kill_slack(cloud, sink):
        sink.kill()

    run = rehearse(project, "FARGATE", size=3, before_the_job=kill_slack)

    assert run.messages == {"slack": 0, "email": 1, "sns": 1}
    assert run.wrong() == ["slack: 0, not 1"]
