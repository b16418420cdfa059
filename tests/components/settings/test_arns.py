from __future__ import annotations

import json

import pytest

from batchbell.cli.pattern_matching import find_mismatched_fields
from components.settings.arns import (
    PatternTooLong,
    any_revision,
    blocked_pattern,
    check_length,
    definition_problem,
    event_pattern,
    queue_problem,
)

PLACE = "arn:aws:batch:us-east-1:123456789012"
NIGHTLY, OTHER = f"{PLACE}:job-queue/nightly", f"{PLACE}:job-queue/nightly-2"
RENDER = f"{PLACE}:job-definition/render"
FINISHED = ("SUCCEEDED", "FAILED")

PARENTS = ("parent-succeeded", "parent-failed")
CHILDREN = ("child-failed-ec2", "child-failed-fargate", "child-failed-before-placement")
OTHERS = ("single-failed", "node-succeeded", "queue-blocked")


@pytest.fixture(params=["local AWS", "explain"])
def matches(request, cloud):
    """Both matchers must agree with what is expected: EventBridge's of local AWS, and the one that explains."""

    def in_local_aws(pattern, event):
        events = cloud.client("events")
        return events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]

    return (
        in_local_aws
        if request.param == "local AWS"
        else lambda pattern, event: find_mismatched_fields(pattern, event) == {}
    )


def matched(matches, event, pattern):
    return {name for name in (*PARENTS, *CHILDREN, *OTHERS) if matches(pattern, event(name))}


def test_parents_match_and_no_child_does(matches, event):
    assert matched(matches, event, event_pattern(FINISHED, [NIGHTLY], [], single_jobs=False)) == set(PARENTS)


def test_the_tutorials_filter_lets_children_through(matches, event):
    tutorial = {"source": ["aws.batch"], "detail": {"container": {"containerInstanceArn": [{"exists": False}]}}}

    assert {"child-failed-fargate", "child-failed-before-placement"} <= matched(matches, event, tutorial)


def test_single_jobs_match_if_asked_for_and_nodes_still_do_not(matches, event):
    pattern = event_pattern(FINISHED, [NIGHTLY], [], single_jobs=True)

    assert matched(matches, event, pattern) == {*PARENTS, "single-failed"}


def test_statuses_choose(matches, event):
    assert matched(matches, event, event_pattern(["FAILED"], [NIGHTLY], [], single_jobs=False)) == {"parent-failed"}


def test_any_of_the_queues_matches_and_none_other(matches, event):
    assert matched(matches, event, event_pattern(FINISHED, [OTHER, NIGHTLY], [], single_jobs=False)) == set(PARENTS)
    assert matched(matches, event, event_pattern(FINISHED, [OTHER], [], single_jobs=False)) == set()


@pytest.mark.parametrize(
    ("watched", "fires"),
    [(RENDER, True), (f"{RENDER}:1", True), (f"{RENDER}:12", True), (f"{RENDER}-2", False), (f"{RENDER[:-1]}", False)],
)
def test_every_revision_of_a_definition_matches_and_no_other_name(matches, event, watched, fires):
    pattern = event_pattern(FINISHED, [], [watched], single_jobs=False)

    assert matches(pattern, event("parent-failed")) is fires


def test_with_queues_and_definitions_both_must_match(matches, event):
    for queue, definition, fires in [(NIGHTLY, RENDER, True), (OTHER, RENDER, False), (NIGHTLY, RENDER + "2", False)]:
        pattern = event_pattern(FINISHED, [queue], [definition], single_jobs=False)
        assert matches(pattern, event("parent-failed")) is fires


def test_a_blocked_queue_matches_the_second_rule_alone(matches, event):
    assert matched(matches, event, blocked_pattern([OTHER, NIGHTLY], [])) == {"queue-blocked"}
    assert matched(matches, event, blocked_pattern([OTHER], [])) == set()


@pytest.mark.parametrize(
    ("queues", "definitions", "fires"),
    [([NIGHTLY], [RENDER + "2"], True), ([], [RENDER], True), ([], [RENDER + "2"], False), ([OTHER], [RENDER], False)],
)
def test_a_watched_queue_counts_whatever_job_blocks_it_and_definitions_only_without_queues(
    matches, event, queues, definitions, fires
):
    assert matches(blocked_pattern(queues, definitions), event("queue-blocked")) is fires


def test_the_revision_is_taken_off():
    assert any_revision(f"{RENDER}:12") == any_revision(RENDER) == f"{RENDER}:"


def test_a_pattern_that_aws_would_refuse_is_refused():
    queues = [f"{NIGHTLY}-{number}" for number in range(40)]
    pattern = json.dumps(event_pattern(FINISHED, queues, [], single_jobs=False))

    with pytest.raises(PatternTooLong, match="AWS takes 2048"):
        check_length(pattern)


@pytest.mark.parametrize(("queues", "definitions"), [([NIGHTLY] * 20, []), ([], [RENDER] * 20), ([NIGHTLY], [RENDER])])
def test_where_the_first_rule_fits_the_second_one_fits_too(queues, definitions):
    first = event_pattern(FINISHED, queues, definitions, single_jobs=False)

    assert len(json.dumps(blocked_pattern(queues, definitions))) < len(json.dumps(first))


@pytest.mark.parametrize("problem", [queue_problem, definition_problem])
@pytest.mark.parametrize("secret", ["https://hooks.slack.com/x", "x" * 5_000, f"arn:{'x' * 5_000}", ["notarealtoken"]])
def test_what_is_no_arn_and_may_be_a_secret_is_not_shown(problem, secret):
    told = problem(secret)

    assert "takes the ARN of a job " in told
    assert len(told) < 200
    assert "hooks" not in told and "notarealtoken" not in told


def test_an_accounts_digits_are_ascii():
    assert queue_problem(NIGHTLY.replace("1", "\u0661")) is not None
