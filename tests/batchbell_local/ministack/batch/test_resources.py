"""Compute environments, queues, job definitions and tags: what AWS stores and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.batchbell_local.ministack.batch.conftest import CONTAINER

EMPTY_LISTS: dict[str, Any] = {name: [] for name in ("environment", "mountPoints", "secrets", "ulimits", "volumes")}


def refuses(batch: Any, complaint: str) -> Any:
    return pytest.raises(batch.client.exceptions.ClientException, match=complaint)


def test_an_environment_is_found_by_name_and_by_arn(batch: Any) -> None:
    arn = batch.environment()
    for reference in (arn, arn.rsplit("/", 1)[-1]):
        (found,) = batch.client.describe_compute_environments(computeEnvironments=[reference])["computeEnvironments"]
        assert (found["computeEnvironmentArn"], found["status"], found["state"]) == (arn, "VALID", "ENABLED")
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert batch.client.describe_compute_environments(computeEnvironments=[elsewhere])["computeEnvironments"] == []


def test_an_environment_is_deleted_only_when_disabled_and_in_no_queue(batch: Any) -> None:
    environment = batch.environment()
    queue = batch.queue(environment)
    with refuses(batch, "disabled"):
        batch.client.delete_compute_environment(computeEnvironment=environment)
    batch.client.update_compute_environment(computeEnvironment=environment, state="DISABLED")
    with refuses(batch, "Cannot delete, found existing JobQueue relationship"):
        batch.client.delete_compute_environment(computeEnvironment=environment)
    other = [{"order": 1, "computeEnvironment": batch.environment()}]
    batch.client.update_job_queue(jobQueue=queue, computeEnvironmentOrder=other)
    with refuses(batch, "Cannot delete, found existing JobQueue relationship"):  # although the queue has left it
        batch.client.delete_compute_environment(computeEnvironment=environment)

    def is_deleted() -> bool:
        try:
            batch.client.delete_compute_environment(computeEnvironment=environment)
        except batch.client.exceptions.ClientException:
            return False
        return True

    batch.wait_until(is_deleted, "the relation never ends")
    assert batch.client.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"] == []


def test_an_environment_cannot_change_between_instances_and_fargate(batch: Any) -> None:
    for old, new in (("EC2", "FARGATE"), ("FARGATE_SPOT", "SPOT")):
        environment = batch.environment(old)
        with refuses(batch, f"from {old} to {new}"):
            batch.client.update_compute_environment(computeEnvironment=environment, computeResources={"type": new})
    environment = batch.environment("EC2")
    batch.client.update_compute_environment(
        computeEnvironment=environment, computeResources={"type": "SPOT", "maxvCpus": 9}
    )
    (found,) = batch.client.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]
    assert (found["computeResources"]["type"], found["computeResources"]["maxvCpus"]) == ("SPOT", 9)


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("LAMBDA", {}, "computeResources.type"),
        ("FARGATE", {"instanceTypes": ["optimal"]}, "instanceTypes not applicable"),
        ("FARGATE", {"tags": {"team": "blue"}}, "tags not applicable"),
        ("FARGATE", {"subnets": [f"subnet-{n:08x}" for n in range(17)]}, "at most 16"),
        ("FARGATE", {"securityGroupIds": []}, "securityGroupIds is required"),
        ("EC2", {"instanceRole": ""}, "instanceRole is required"),
        ("EC2", {"subnets": []}, "subnets is required"),
    ],
)
def test_an_environment_that_aws_would_refuse_is_refused(
    batch: Any, kind: str, change: dict[str, Any], complaint: str
) -> None:
    with refuses(batch, complaint):
        batch.environment(kind, **change)


def test_a_queue_needs_environments_that_exist(batch: Any) -> None:
    with refuses(batch, "does not exist"):
        batch.queue(batch.environment() + "-2")
    with refuses(batch, "1 to 3"):
        batch.client.create_job_queue(jobQueueName=batch.name("queue"), priority=1, computeEnvironmentOrder=[])


def test_a_queue_does_not_mix_instances_with_fargate(batch: Any) -> None:
    batch.queue(batch.environment("EC2"), batch.environment("SPOT"))
    with refuses(batch, "cannot be mixed"):
        batch.queue(batch.environment("EC2"), batch.environment("FARGATE"))


def test_a_queue_is_updated_and_deleted_only_when_disabled(batch: Any) -> None:
    queue = batch.queue()
    with refuses(batch, "disabled"):
        batch.client.delete_job_queue(jobQueue=queue)
    batch.client.update_job_queue(jobQueue=queue, state="DISABLED", priority=7)
    (found,) = batch.client.describe_job_queues(jobQueues=[queue])["jobQueues"]
    assert (found["state"], found["priority"], found["status"]) == ("DISABLED", 7, "VALID")
    batch.client.delete_job_queue(jobQueue=queue)
    assert batch.client.describe_job_queues(jobQueues=[queue])["jobQueues"] == []


def test_a_definition_keeps_all_given_fields(batch: Any) -> None:
    given = {
        "type": "container",
        "parameters": {"colour": "red"},
        "schedulingPriority": 3,
        "retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*", "action": "EXIT"}]},
        "timeout": {"attemptDurationSeconds": 60},
        "propagateTags": True,
        "platformCapabilities": ["EC2"],
        "containerProperties": {**CONTAINER, "command": ["echo", "Ref::colour"], **EMPTY_LISTS},
        "tags": {"team": "blue"},
    }
    made = batch.client.register_job_definition(jobDefinitionName=batch.name("definition"), **given)
    (found,) = batch.client.describe_job_definitions(jobDefinitions=[made["jobDefinitionArn"]])["jobDefinitions"]
    assert {key: found[key] for key in given} == given
    assert (found["status"], found["revision"]) == ("ACTIVE", 1)


def test_a_definition_is_described_with_the_lists_that_it_leaves_out(batch: Any) -> None:
    """As in the example of botocore's model, "To describe active job definitions"."""
    made = batch.client.register_job_definition(
        jobDefinitionName=batch.name("lists"), type="container", containerProperties=CONTAINER
    )
    (found,) = batch.client.describe_job_definitions(jobDefinitions=[made["jobDefinitionArn"]])["jobDefinitions"]
    assert found["containerProperties"] == {**CONTAINER, **EMPTY_LISTS}


def test_a_definition_for_fargate_is_described_with_the_latest_platform_version(batch: Any) -> None:
    (found,) = batch.client.describe_job_definitions(jobDefinitions=[batch.definition("true")])["jobDefinitions"]
    assert found["containerProperties"]["fargatePlatformConfiguration"] == {"platformVersion": "LATEST"}


def test_revisions_count_on_after_one_is_deregistered(batch: Any) -> None:
    name = batch.name("definition")
    first = batch.definition("true", jobDefinitionName=name)
    batch.client.deregister_job_definition(jobDefinition=first)
    second = batch.definition("true", jobDefinitionName=name)
    assert (first, second) == (second[:-1] + "1", first[:-1] + "2")
    for status, arn in (("ACTIVE", second), ("INACTIVE", first)):
        found = batch.client.describe_job_definitions(jobDefinitionName=name, status=status)["jobDefinitions"]
        assert [one["jobDefinitionArn"] for one in found] == [arn]


def test_a_bare_name_means_the_latest_active_revision(batch: Any) -> None:
    queue, name = batch.queue(), batch.name("definition")
    first, second, third = [batch.definition("true", jobDefinitionName=name) for _ in range(3)]
    batch.client.deregister_job_definition(jobDefinition=f"{name}:3")
    used = {reference: batch.submit(queue, reference) for reference in (name, f"{name}:1", first)}
    assert [batch.describe(job)["jobDefinition"] for job in used.values()] == [second, first, first]
    for reference in (third, f"{name}:3", f"{name}:4", "no-such-definition"):
        with refuses(batch, "is not ACTIVE|does not exist"):
            batch.submit(queue, reference)


@pytest.mark.parametrize("name", ["", "-red", "red blue", "r" * 129, "rot+blau"])
def test_a_job_name_is_checked(batch: Any, name: str) -> None:
    queue, definition = batch.queue(), batch.definition("true")
    with refuses(batch, "jobName"):
        batch.submit(queue, definition, jobName=name)


def test_a_job_goes_to_a_queue_that_exists_and_is_enabled(batch: Any) -> None:
    queue, definition = batch.queue(), batch.definition("true")
    assert batch.submit(queue.rsplit("/", 1)[-1], definition)
    with refuses(batch, "does not exist"):
        batch.submit(queue + "-2", definition)
    batch.client.update_job_queue(jobQueue=queue, state="DISABLED")
    with refuses(batch, "ENABLED"):
        batch.submit(queue, definition)


def test_a_definition_for_instances_does_not_run_on_fargate(batch: Any) -> None:
    with refuses(batch, "platform capabilities"):
        batch.submit(batch.queue(kind="FARGATE"), batch.definition("true", platformCapabilities=["EC2"]))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"retryStrategy": {"attempts": 11}}, "1 to 10"),
        ({"retryStrategy": {"evaluateOnExit": [{"onReason": "*", "action": "EXIT"}]}}, "attempts is required"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*", "action": "STOP"}]}}, "RETRY or EXIT"),
        ({"timeout": {"attemptDurationSeconds": 0}}, "attemptDurationSeconds"),
        ({"platformCapabilities": ["EKS"]}, "platformCapabilities"),
        ({"containerProperties": CONTAINER, "platformCapabilities": ["FARGATE"]}, "executionRoleArn"),
        ({"containerProperties": {"image": "x"}}, "must have VCPU and MEMORY"),
        ({"containerProperties": {"image": "x", "vcpus": 1}}, "must have MEMORY"),
    ],
)
def test_a_definition_that_aws_would_refuse_is_refused(batch: Any, more: dict[str, Any], complaint: str) -> None:
    with refuses(batch, complaint):
        batch.definition("true", **more)


def test_everything_can_be_tagged(batch: Any) -> None:
    queue, environment, definition = batch.queue(), batch.environment(), batch.definition("true")
    job = batch.describe(batch.submit(queue, definition, size=2))["jobArn"]
    for arn in (queue, environment, definition, job):
        batch.client.tag_resource(resourceArn=arn, tags={"team": "blue", "stage": "test"})
        batch.client.untag_resource(resourceArn=arn, tagKeys=["stage"])
        assert batch.client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "blue"}
    (found,) = batch.client.describe_job_queues(jobQueues=[queue])["jobQueues"]
    assert found["tags"] == {"team": "blue"}
    with refuses(batch, "does not exist"):
        batch.client.list_tags_for_resource(resourceArn=queue + "-2")
