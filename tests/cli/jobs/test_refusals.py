"""What `rerun` refuses: each with its reason on one line, exit code 2, and nothing submitted."""

from __future__ import annotations

import uuid

import pytest

from batchbell.wire import RERUN_TAG
from tests.cli.jobs.recorded_batch import CONTAINER, error

OTHER = "--indexes-variable"
POD = {"podProperties": {"containers": [{"name": "one", "command": ["render"], "env": []}]}}
TASKS = {"taskProperties": [{"containers": [{"name": "a", "command": ["x"]}, {"name": "b", "command": ["y"]}]}]}


def refused(rerun, recorded, *arguments, answer=None):
    """Return what it says."""
    result = rerun(*arguments, answer=answer)
    assert (result.exit_code, recorded.submitted) == (2, []), result.output
    assert "Traceback" not in result.output
    (said,) = result.stderr.strip().splitlines()
    return said


@pytest.mark.parametrize(
    ("detail", "says"),
    [
        ({"container": {**CONTAINER, "command": []}}, ["no command of its own", OTHER]),
        ({"container": {"image": "render"}}, ["no command of its own", OTHER]),
        ({"container": {**CONTAINER, "command": ["--frame", "1"]}}, ["ENTRYPOINT", "swallow", OTHER]),
        (
            {"container": {**CONTAINER, "command": ["Ref::mode"]}, "parameters": {"mode": "--all"}},
            ["ENTRYPOINT", OTHER],
        ),
        ({"container": None, "eksProperties": POD}, ["EKS", OTHER]),
        ({"container": None, "ecsProperties": TASKS}, ["several containers", OTHER]),
        ({"nodeProperties": {"numNodes": 2}}, ["multi-node"]),
    ],
)
def test_a_job_that_cannot_be_wrapped_is_refused_with_another_way(rerun, recorded, detail, says):
    job = recorded.array(7, [2, 5], **detail)
    said = refused(rerun, recorded, job, "--yes")

    assert all(text in said for text in says), said


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ("nightly", "neither the id nor the ARN"),
        ("\x1b[31m", "neither the id nor the ARN"),
        ("arn:aws:batch:us-east-1:123456789012:job-queue/render", "neither the id nor the ARN"),
        (f"{uuid.UUID(int=1)}:17", f"rerun {uuid.UUID(int=1)} --only 17"),
        (f"{uuid.UUID(int=1)}#0", "multi-node"),
        (f"{uuid.UUID(int=1)}", "knows no job"),
    ],
)
def test_what_is_not_an_array_is_refused(rerun, recorded, job, says):
    assert says in refused(rerun, recorded, job, "--yes")


def test_a_single_job_is_refused(rerun, recorded):
    assert "single job" in refused(rerun, recorded, recorded.add(), "--yes")


def test_an_arn_decides_the_region(rerun, recorded):
    arn = f"arn:aws:batch:eu-west-1:123456789012:job/{uuid.UUID(int=1)}"

    assert "in eu-west-1, not in us-east-1" in refused(rerun, recorded, arn, "--region", "us-east-1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "x"], "--only takes indexes"),
        (["--only", "9-7"], "ends before it begins"),
        (["--only", "5,5"], "named twice"),
        (["--set-vcpus", "many"], "--set-vcpus"),
        (["--set-memory", "2 GB"], "--set-memory"),
        (["--name", "-x"], "--name"),
        (["--name", "x" * 129], "--name"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_asked(rerun, recorded, arguments, says):
    job = recorded.array(7, [2, 5])
    said = refused(rerun, recorded, job, "--yes", *arguments)

    assert says in said
    assert recorded.calls == []


def test_resources_are_for_one_container(rerun, recorded):
    job = recorded.array(7, [2, 5], container=None, eksProperties=POD)
    said = refused(rerun, recorded, job, "--yes", OTHER, "--set-memory", "4096")

    assert "one container" in said


def test_a_deregistered_definition_is_named(rerun, recorded):
    recorded.definition_status = "INACTIVE"
    job = recorded.array(7, [2, 5])

    assert "render:3 was deregistered" in refused(rerun, recorded, job, "--dry-run")


def test_failed_children_that_aws_has_forgotten_are_not_taken_for_none(rerun, recorded):
    job = recorded.array(7, [])

    assert "lists none of its failed children" in refused(rerun, recorded, job, "--yes")


def test_a_rerun_of_which_aws_does_not_tell_the_children_is_refused(rerun, recorded):
    job = recorded.array(2, [0], tags={RERUN_TAG: "arn:aws:batch:us-east-1:123456789012:job/x"})

    assert "run the first job again" in refused(rerun, recorded, job, "--yes")


def test_a_command_that_leaves_no_room_for_an_index_is_refused(rerun, recorded):
    job = recorded.array(7, [2, 5], container={**CONTAINER, "command": ["render", "x" * 30_000]})

    assert "30 KiB" in refused(rerun, recorded, job, "--yes")


@pytest.mark.parametrize("answer", ["n\n", "\n", "what\n"])
def test_any_answer_but_yes_submits_nothing(rerun, recorded, answer):
    result = rerun(recorded.array(7, [2, 5]), answer=answer)

    assert (result.exit_code, recorded.submitted) == (2, [])
    assert "nothing was submitted" in result.stderr


def test_what_aws_says_of_the_request_is_shown(rerun, recorded):
    def refuse(request):
        raise error("ClientException", "Job queue render is not in ENABLED state")

    recorded.fail = refuse
    job = recorded.array(7, [2, 5])

    assert "Job queue render is not in ENABLED state" in refused(rerun, recorded, job, "--yes")


def test_a_missing_permission_is_named(rerun, recorded):
    def refuse(request):
        raise error("AccessDeniedException", "no batch:SubmitJob for you", status=403)

    recorded.fail = refuse
    said = refused(rerun, recorded, recorded.array(7, [2, 5]), "--yes")

    assert "no batch:SubmitJob for you" in said and "docs/permissions.md" in said


def test_an_array_without_failures_is_no_error(rerun, recorded):
    result = rerun(recorded.array(7, [], status="SUCCEEDED"), "--yes")

    assert result.exit_code == 0
    assert "Nothing to run again." in result.stdout
