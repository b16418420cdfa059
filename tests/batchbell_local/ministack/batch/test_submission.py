"""What SubmitJob refuses, and what DescribeJobs tells of a submission with overrides: of the job and of each child."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"containerOverrides": {"command": ["echo", "x" * 31_000]}}, "30,720 bytes"),
        ({"containerOverrides": {"command": ["echo", ""]}}, "empty string"),
        ({"containerOverrides": {"environment": [{"name": "AWS_BATCH_JOB_ARRAY_INDEX", "value": "1"}]}}, "AWS_BATCH"),
        ({"tags": {str(number): "" for number in range(51)}}, "50 tags"),
    ],
)
def test_a_submission_that_aws_would_refuse_is_refused(batch: Any, more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ClientError, match=complaint):
        batch.submit(batch.queue(), batch.definition("true"), **more)


def test_a_job_and_its_children_tell_what_they_were_submitted_with(batch: Any) -> None:
    definition = batch.definition("false", container={"environment": [{"name": "A", "value": "1"}]})
    more = {
        "tags": {"team": "genomics"},
        "timeout": {"attemptDurationSeconds": 60},
        "retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "9", "action": "exit"}]},
        "shareIdentifier": "share",
        "schedulingPriorityOverride": 5,
        "parameters": {"file": "x"},
        "propagateTags": True,
    }
    overrides = {
        "command": ["true", "Ref::file"],
        "environment": [{"name": "B", "value": "2"}],
        "resourceRequirements": [{"type": "MEMORY", "value": "4096"}],
    }
    job = batch.submit(batch.queue(), definition, size=2, containerOverrides=overrides, **more)
    batch.wait(job)

    for told in (batch.describe(job), batch.describe(f"{job}:1")):
        assert {name: told[name] for name in more if name in told} == {
            name: value for name, value in more.items() if name != "schedulingPriorityOverride"
        }
        assert told["schedulingPriority"] == 5
        container = told["container"]
        assert container["command"][0] == "true"
        assert {one["name"]: one["value"] for one in container["environment"]} == {"A": "1", "B": "2"}
        assert {"type": "MEMORY", "value": "4096"} in container["resourceRequirements"]
        assert {"type": "VCPU", "value": "1"} in container["resourceRequirements"]
