"""A job queue and a job definition that existed before batchbell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def create_existing_queue(batch: Any, command: Sequence[str]) -> None:
    """Create the queue `nightly`, and the definition `render` that runs the command. `batch`: a boto3 client."""
    environment = batch.create_compute_environment(
        computeEnvironmentName="nightly",
        type="MANAGED",
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4,
            "instanceTypes": ["optimal"],
            "instanceRole": "arn:aws:iam::123456789012:instance-profile/batch",
            "subnets": ["subnet-12345678"],
        },
    )["computeEnvironmentArn"]
    batch.create_job_queue(
        jobQueueName="nightly",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
    )
    batch.register_job_definition(
        jobDefinitionName="render",
        type="container",
        containerProperties={
            "image": "busybox",
            "command": list(command),
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
        },
    )
