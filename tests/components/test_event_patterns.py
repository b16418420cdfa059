from __future__ import annotations

import json

import pulumi
import pytest

from batchbell.cli.events.pattern_matching import find_mismatched_fields, split_pattern
from components.event_patterns import (
    PATTERN_LIMIT,
    blocked_queue_pattern,
    finished_job_pattern,
    joined_pattern,
    pattern_json,
)

PLACE = "arn:aws:batch:us-east-1:123456789012"
NIGHTLY, OTHER = f"{PLACE}:job-queue/nightly", f"{PLACE}:job-queue/nightly-2"
RENDER = f"{PLACE}:job-definition/render"
FINISHED = ("SUCCEEDED", "FAILED")

PARENTS = ("parent-succeeded", "parent-failed")
CHILDREN = ("child-failed-ec2", "child-failed-fargate", "child-failed-before-placement")
SINGLE = ("single-failed", "several-containers-failed", "eks-failed", "multi-node-failed")
BLOCKED = ("queue-blocked", "queue-blocked-by-child")
OTHERS = (*SINGLE, "node-succeeded", *BLOCKED)


@pytest.fixture(params=["local AWS", "explain"])
def matches(request, cloud):
    """Both matchers must agree: EventBridge's in local AWS, and the one behind `explain`."""

    def in_local_aws(pattern, event):
        events = cloud.client("events")
        return events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]

    return (
        in_local_aws
        if request.param == "local AWS"
        else lambda pattern, event: any(find_mismatched_fields(one, event) == {} for one in split_pattern(pattern))
    )


def matched(matches, event, pattern):
    return {name for name in (*PARENTS, *CHILDREN, *OTHERS) if matches(pattern, event(name))}


def test_parents_match_and_children_do_not(matches, event):
    assert matched(matches, event, finished_job_pattern(FINISHED, [NIGHTLY], [], single_jobs=False)) == set(PARENTS)


def test_the_tutorials_filter_lets_children_through(matches, event):
    tutorial = {"source": ["aws.batch"], "detail": {"container": {"containerInstanceArn": [{"exists": False}]}}}

    assert {"child-failed-fargate", "child-failed-before-placement"} <= matched(matches, event, tutorial)


def test_with_single_jobs_single_jobs_match_and_nodes_still_do_not(matches, event):
    pattern = finished_job_pattern(FINISHED, [NIGHTLY], [], single_jobs=True)

    assert matched(matches, event, pattern) == {*PARENTS, *SINGLE}


def test_only_the_given_statuses_match(matches, event):
    assert matched(matches, event, finished_job_pattern(["FAILED"], [NIGHTLY], [], single_jobs=False)) == {
        "parent-failed"
    }


def test_any_of_the_queues_matches_and_no_other_queue(matches, event):
    assert matched(matches, event, finished_job_pattern(FINISHED, [OTHER, NIGHTLY], [], single_jobs=False)) == set(
        PARENTS
    )
    assert matched(matches, event, finished_job_pattern(FINISHED, [OTHER], [], single_jobs=False)) == set()


@pytest.mark.parametrize(
    ("watched", "fires"),
    [(RENDER, True), (f"{RENDER}:1", True), (f"{RENDER}:12", True), (f"{RENDER}-2", False), (f"{RENDER[:-1]}", False)],
)
def test_every_revision_of_a_definition_matches_and_no_other_name(matches, event, watched, fires):
    pattern = finished_job_pattern(FINISHED, [], [watched], single_jobs=False)

    assert matches(pattern, event("parent-failed")) is fires


def test_with_queues_and_definitions_both_must_match(matches, event):
    for queue, definition, fires in [(NIGHTLY, RENDER, True), (OTHER, RENDER, False), (NIGHTLY, RENDER + "2", False)]:
        pattern = finished_job_pattern(FINISHED, [queue], [definition], single_jobs=False)
        assert matches(pattern, event("parent-failed")) is fires


def test_a_blocked_queue_matches_its_own_pattern_only(matches, event):
    assert matched(matches, event, blocked_queue_pattern([OTHER, NIGHTLY], [])) == set(BLOCKED)
    assert matched(matches, event, blocked_queue_pattern([OTHER], [])) == set()


@pytest.mark.parametrize(
    ("queues", "definitions", "fires"),
    [([NIGHTLY], [RENDER + "2"], True), ([], [RENDER], True), ([], [RENDER + "2"], False), ([OTHER], [RENDER], False)],
)
def test_a_watched_queue_matches_whatever_job_blocks_it_and_definitions_count_only_without_queues(
    matches, event, queues, definitions, fires
):
    assert matches(blocked_queue_pattern(queues, definitions), event("queue-blocked")) is fires


def test_a_pattern_that_aws_would_refuse_is_refused():
    queues = [f"{NIGHTLY}-{number}" for number in range(40)]
    pattern = finished_job_pattern(FINISHED, queues, [], single_jobs=False)

    with pytest.raises(pulumi.RunError, match="AWS takes 2048"):
        pattern_json(pattern)


WATCHED = [([OTHER, NIGHTLY], []), ([OTHER], []), ([], [RENDER]), ([], [RENDER + "2"]), ([NIGHTLY], [RENDER + "2"])]


@pytest.mark.parametrize("single_jobs", [False, True])
@pytest.mark.parametrize(("queues", "definitions"), WATCHED)
def test_the_rule_matches_what_either_of_its_two_patterns_matches(matches, event, queues, definitions, single_jobs):
    finished = finished_job_pattern(FINISHED, queues, definitions, single_jobs=single_jobs)
    blocked = blocked_queue_pattern(queues, definitions)
    either = matched(matches, event, finished) | matched(matches, event, blocked)

    assert matched(matches, event, joined_pattern(finished, blocked)) == either


@pytest.mark.parametrize(("queues", "definitions"), WATCHED)
def test_a_joined_pattern_is_split_into_the_two_that_it_joins(queues, definitions):
    finished = finished_job_pattern(FINISHED, queues, definitions, single_jobs=False)
    blocked = blocked_queue_pattern(queues, definitions)

    assert split_pattern(joined_pattern(finished, blocked)) == [finished, blocked]
    assert split_pattern(finished) == [finished]


@pytest.mark.parametrize(("queues", "definitions"), [([NIGHTLY] * 20, []), ([], [RENDER] * 20), ([NIGHTLY], [RENDER])])
def test_watching_for_blocked_queues_takes_little_of_the_patterns_length(queues, definitions):
    finished = finished_job_pattern(FINISHED, queues, definitions, single_jobs=False)
    both = joined_pattern(finished, blocked_queue_pattern(queues, definitions))

    assert len(pattern_json(both)) - len(pattern_json(finished)) < PATTERN_LIMIT / 20
