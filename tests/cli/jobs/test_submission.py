"""What is submitted: everything that the failed children had, as many jobs as 30 KiB ask for, each index once."""

from __future__ import annotations

import json
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchbell.cli.jobs import overrides, submission
from batchbell.cli.jobs.wrapped_command import unwrap
from batchbell.dispatcher.records.index_ranges import parse_ranges, to_ranges
from batchbell.wire import RERUN_TAG
from tests.cli.jobs.recorded_batch import CONTAINER, indexes_of, model

LIMIT = 30 * 1024  # bytes (AWS Batch User Guide, "AWS Batch service quotas")
# Members of SubmitJob that a rerun sets otherwise than by copying, or that only a job has that is refused.
OWN = {"jobName", "tags", "arrayProperties", "dependsOn", "retryStrategy", "schedulingPriorityOverride"}
OF_CONTAINERS = {"containerOverrides", "ecsPropertiesOverride", "eksPropertiesOverride"}
REFUSED = {"nodeOverrides"}


def test_each_member_of_a_submission_is_copied_set_or_refused():
    """A member that AWS adds later fails this test: it would be lost silently."""
    members = set(model().operation_model("SubmitJob").input_shape.members)

    assert members == {*submission.COPIED.values()} | OWN | OF_CONTAINERS | REFUSED
    assert set(submission.COPIED) <= set(model().shape_for("JobDetail").members)


@pytest.mark.parametrize(
    ("shape", "carried"),
    [
        # DescribeJobs tells vcpus and memory, which go into the resource requirements; instanceType is for nodes.
        ("ContainerOverrides", {"command", "environment", "resourceRequirements", "vcpus", "memory", "instanceType"}),
        ("TaskContainerOverrides", {*overrides.ECS_MEMBERS, "environment"}),
        ("EksContainerOverride", {*overrides.EKS_MEMBERS, "env"}),
        ("EksPodPropertiesOverride", {"containers", "initContainers", "metadata"}),
    ],
)
def test_each_override_of_a_container_is_carried(shape, carried):
    assert set(model().shape_for(shape).members) == carried


def test_the_older_form_of_resources_is_carried(rerun, recorded):
    old = {name: value for name, value in CONTAINER.items() if name != "resourceRequirements"}
    job = recorded.array(7, [2, 5], container={**old, "vcpus": 4, "memory": 512})
    assert rerun(job, "--yes", "--set-memory", "1024").exit_code == 0

    assert recorded.submitted[0]["containerOverrides"]["resourceRequirements"] == [
        {"type": "VCPU", "value": "4"},
        {"type": "MEMORY", "value": "1024"},
    ]


@pytest.mark.parametrize(
    ("failed", "jobs"),
    [
        (range(9_999), 1),
        (range(0, 9_999, 7), 1),
        (range(1, 10_000, 2), 1),
        ([index for index in range(10_000) if index % 3], 2),
    ],
    ids=["9,999 in a row", "every seventh", "every second", "two of three"],
)
def test_thousands_of_failures_fit_into_as_few_jobs_as_aws_allows(rerun, recorded, failed, jobs):
    job = recorded.array(10_000, failed)
    shown = rerun(job, "--yes")

    assert shown.exit_code == 0, shown.output
    assert len(recorded.submitted) == jobs
    assert all(len(json.dumps(request)) <= LIMIT for request in recorded.submitted)
    ranges = chain.from_iterable(indexes_of(request) for request in recorded.submitted)
    assert sorted(chain.from_iterable(map(parse_ranges, ranges))) == list(failed)
    sizes = [request["arrayProperties"]["size"] for request in recorded.submitted]
    assert sum(sizes) == len(failed)


def test_a_long_environment_makes_more_jobs(rerun, recorded):
    environment = [{"name": "LONG", "value": "ü" * 4_000}]  # 24,000 bytes as JSON in ASCII
    failed = range(0, 10_000, 3)
    job = recorded.array(10_000, failed, container={**CONTAINER, "environment": environment})
    shown = rerun(job, "--yes")

    assert len(recorded.submitted) > 2
    assert f"{len(recorded.submitted)} jobs are submitted" in shown.stdout
    assert all(len(json.dumps(request)) <= LIMIT for request in recorded.submitted)
    ranges = chain.from_iterable(indexes_of(request) for request in recorded.submitted)
    assert sorted(chain.from_iterable(map(parse_ranges, ranges))) == list(failed)


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 9_999), min_size=1).map(sorted))
def test_ranges_are_as_few_as_can_be_and_can_be_read_back(indexes):
    ranges = to_ranges(indexes)

    assert list(parse_ranges(",".join(ranges))) == indexes
    gaps = sum(1 for first, then in pairwise(indexes) if then != first + 1)
    assert len(ranges) == gaps + 1


def test_tags_of_aws_are_left_out_and_fifty_make_room_for_one(rerun, recorded):
    tags = {"aws:batch:x": "1", **{f"tag-{number:02}": "" for number in range(50)}}
    job = recorded.array(7, [2, 5], tags=tags)
    shown = rerun(job, "--yes")

    submitted = recorded.submitted[0]["tags"]
    assert len(submitted) == 50
    assert RERUN_TAG in submitted and "aws:batch:x" not in submitted
    assert "aws:batch:x" in shown.stdout and "50 tags" in shown.stdout


def test_what_a_rerun_changes_and_cannot_know_is_said_before_the_question(rerun, recorded):
    dependency = recorded.add()
    environment = [{"name": "my.key", "value": "1"}, {"name": "AWS_BATCH_X", "value": "2"}]
    job = recorded.array(
        7,
        [2, 5],
        dependsOn=[{"jobId": dependency, "type": "N_TO_N"}],
        schedulingPriority=3,
        parameters={"frame": "Ref::other"},
        container={**CONTAINER, "environment": environment},
    )
    recorded.reasons[5] = "Dependent Job failed"
    dependent = recorded.add(dependsOn=[{"jobId": f"{job}:2"}], jobName="compose", status="PENDING")
    said = rerun(job, answer="n\n").stdout

    for text in (
        "1 of them never ran, since a job that they depend on had failed (5)",
        f"waited for {dependency}",
        f"not revived; submit them again yourself: {dependent} (compose, PENDING)",
        "ENTRYPOINT does not run its arguments",
        "may drop or change these variables of the environment: my.key",
        "has `Ref::` in it",
        "scheduling priority",
    ):
        assert text in said


def test_no_secret_of_the_environment_is_shown(rerun, recorded):
    environment = [{"name": "TOKEN", "value": "s3cr3t-value"}]
    job = recorded.array(7, [2, 5], container={**CONTAINER, "environment": environment})
    shown = [rerun(job, *arguments).output for arguments in (["--dry-run"], ["--dry-run", "--json"], ["--yes"])]

    assert "s3cr3t-value" not in "".join(shown)
    assert {"name": "TOKEN", "value": "s3cr3t-value"} in recorded.submitted[0]["containerOverrides"]["environment"]


@pytest.mark.parametrize("kind", ["ecs", "eks"])
def test_several_containers_get_the_variable_each_and_keep_their_commands(rerun, recorded, kind):
    one: dict[str, Any] = {"name": "a", "command": ["x", "y"], "image": "i"}
    if kind == "ecs":
        tasks: list[Any] = [{"containers": [{**one, "environment": [{"name": "A", "value": "1"}]}, {"name": "b"}]}]
        detail: dict[str, Any] = {"ecsProperties": {"taskProperties": tasks}}
    else:
        pod: dict[str, Any] = {
            "containers": [{**one, "args": ["z"], "env": [{"name": "A", "value": "1"}]}, {"name": "b"}]
        }
        detail = {"eksProperties": {"podProperties": {**pod, "metadata": {"labels": {"team": "a"}}}}}
    job = recorded.array(7, [2, 5], container=None, **detail)
    assert rerun(job, "--yes", "--indexes-variable").exit_code == 0

    (request,) = recorded.submitted
    variables = [{"name": "BATCHBELL_INDEXES", "value": "2,5"}, {"name": "BATCHBELL_ARRAY_SIZE", "value": "7"}]
    if kind == "ecs":
        assert request["ecsPropertiesOverride"]["taskProperties"] == [
            {
                "containers": [
                    {"name": "a", "command": ["x", "y"], "environment": [{"name": "A", "value": "1"}, *variables]},
                    {"name": "b", "environment": variables},
                ]
            }
        ]
    else:
        assert request["eksPropertiesOverride"]["podProperties"] == {
            "containers": [
                {**one, "args": ["z"], "env": [{"name": "A", "value": "1"}, *variables]},
                {"name": "b", "env": variables},
            ],
            "metadata": {"labels": {"team": "a"}},
        }


def test_the_order_of_a_sequential_array_holds_over_several_jobs(rerun, recorded):
    environment = [{"name": "LONG", "value": "x" * 28_000}]
    job = recorded.array(
        10_000,
        range(0, 3_000, 2),
        dependsOn=[{"type": "SEQUENTIAL"}],
        container={**CONTAINER, "environment": environment},
    )
    assert rerun(job, "--yes").exit_code == 0

    assert recorded.submitted[0]["dependsOn"] == [{"type": "SEQUENTIAL"}]
    ids = [id_ for id_, detail in recorded.details.items() if RERUN_TAG in detail["tags"]]
    waits = [request["dependsOn"][-1] for request in recorded.submitted[1:]]
    assert waits == [{"jobId": id_} for id_ in ids[:-1]]


def test_a_wrapped_command_is_not_wrapped_again(rerun, recorded):
    job = recorded.array(7, [2, 5])
    rerun(job, "--yes")
    (first,) = [id_ for id_, detail in recorded.details.items() if RERUN_TAG in detail["tags"]]
    recorded.failed[first] = [1]
    recorded.details[first]["status"] = "FAILED"
    rerun(first, "--yes")

    assert unwrap(recorded.submitted[1]["containerOverrides"]["command"]) == CONTAINER["command"]
    assert (
        recorded.submitted[1]["containerOverrides"]["command"] == recorded.submitted[0]["containerOverrides"]["command"]
    )
    assert indexes_of(recorded.submitted[1]) == ["5"]
    assert "arrayProperties" not in recorded.submitted[1]
