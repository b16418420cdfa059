"""Compute environments, queues, job definitions and tags: what AWS keeps, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest


def refuses(bench: Any, complaint: str) -> Any:
    return pytest.raises(bench.batch.exceptions.ClientException, match=complaint)


def test_an_environment_is_found_by_name_and_by_arn(bench: Any) -> None:
    arn = bench.environment()
    for reference in (arn, arn.rsplit("/", 1)[-1]):
        (found,) = bench.batch.describe_compute_environments(computeEnvironments=[reference])["computeEnvironments"]
        assert (found["computeEnvironmentArn"], found["status"], found["state"]) == (arn, "VALID", "ENABLED")
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert bench.batch.describe_compute_environments(computeEnvironments=[elsewhere])["computeEnvironments"] == []


def test_an_environment_is_deleted_only_when_disabled_and_in_no_queue(bench: Any) -> None:
    environment = bench.environment()
    queue = bench.queue(environment)
    with refuses(bench, "disabled"):
        bench.batch.delete_compute_environment(computeEnvironment=environment)
    bench.batch.update_compute_environment(computeEnvironment=environment, state="DISABLED")
    with refuses(bench, "Cannot delete, found existing JobQueue relationship"):
        bench.batch.delete_compute_environment(computeEnvironment=environment)
    other = [{"order": 1, "computeEnvironment": bench.environment()}]
    bench.batch.update_job_queue(jobQueue=queue, computeEnvironmentOrder=other)
    bench.batch.delete_compute_environment(computeEnvironment=environment)
    assert bench.batch.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"] == []


def test_an_environment_cannot_change_between_instances_and_fargate(bench: Any) -> None:
    for old, new in (("EC2", "FARGATE"), ("FARGATE_SPOT", "SPOT")):
        environment = bench.environment(old)
        with refuses(bench, f"from {old} to {new}"):
            bench.batch.update_compute_environment(computeEnvironment=environment, computeResources={"type": new})
    environment = bench.environment("EC2")
    bench.batch.update_compute_environment(
        computeEnvironment=environment, computeResources={"type": "SPOT", "maxvCpus": 9}
    )
    (found,) = bench.batch.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]
    assert (found["computeResources"]["type"], found["computeResources"]["maxvCpus"]) == ("SPOT", 9)


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("LAMBDA", {}, "computeResources.type"),
        ("FARGATE", {"instanceTypes": ["optimal"]}, "instanceTypes not applicable"),
        ("FARGATE", {"securityGroupIds": []}, "securityGroupIds is required"),
        ("EC2", {"instanceRole": ""}, "instanceRole is required"),
        ("EC2", {"subnets": []}, "subnets is required"),
    ],
)
def test_an_environment_that_aws_would_refuse_is_refused(
    bench: Any, kind: str, change: dict[str, Any], complaint: str
) -> None:
    with refuses(bench, complaint):
        bench.environment(kind, **change)


def test_a_queue_needs_environments_that_exist(bench: Any) -> None:
    with refuses(bench, "does not exist"):
        bench.queue(bench.environment() + "-2")
    with refuses(bench, "1 to 3"):
        bench.batch.create_job_queue(jobQueueName=bench.name("queue"), priority=1, computeEnvironmentOrder=[])


def test_a_queue_does_not_mix_instances_with_fargate(bench: Any) -> None:
    bench.queue(bench.environment("EC2"), bench.environment("SPOT"))
    with refuses(bench, "cannot be mixed"):
        bench.queue(bench.environment("EC2"), bench.environment("FARGATE"))


def test_a_queue_is_updated_and_deleted_only_when_disabled(bench: Any) -> None:
    queue = bench.queue()
    with refuses(bench, "disabled"):
        bench.batch.delete_job_queue(jobQueue=queue)
    bench.batch.update_job_queue(jobQueue=queue, state="DISABLED", priority=7)
    (found,) = bench.batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
    assert (found["state"], found["priority"], found["status"]) == ("DISABLED", 7, "VALID")
    bench.batch.delete_job_queue(jobQueue=queue)
    assert bench.batch.describe_job_queues(jobQueues=[queue])["jobQueues"] == []


def test_a_definition_keeps_all_that_was_given(bench: Any) -> None:
    given = {
        "type": "container",
        "parameters": {"colour": "red"},
        "schedulingPriority": 3,
        "retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*", "action": "EXIT"}]},
        "timeout": {"attemptDurationSeconds": 60},
        "propagateTags": True,
        "platformCapabilities": ["EC2"],
        "containerProperties": {"image": "busybox", "command": ["echo", "Ref::colour"]},
        "tags": {"team": "blue"},
    }
    made = bench.batch.register_job_definition(jobDefinitionName=bench.name("definition"), **given)
    (found,) = bench.batch.describe_job_definitions(jobDefinitions=[made["jobDefinitionArn"]])["jobDefinitions"]
    assert {key: found[key] for key in given} == given
    assert (found["status"], found["revision"]) == ("ACTIVE", 1)


def test_revisions_count_on_after_one_is_deregistered(bench: Any) -> None:
    name = bench.name("definition")
    first = bench.definition("true", jobDefinitionName=name)
    bench.batch.deregister_job_definition(jobDefinition=first)
    second = bench.definition("true", jobDefinitionName=name)
    assert (first, second) == (second[:-1] + "1", first[:-1] + "2")
    for status, arn in (("ACTIVE", second), ("INACTIVE", first)):
        found = bench.batch.describe_job_definitions(jobDefinitionName=name, status=status)["jobDefinitions"]
        assert [one["jobDefinitionArn"] for one in found] == [arn]


def test_a_bare_name_means_the_latest_active_revision(bench: Any) -> None:
    queue, name = bench.queue(), bench.name("definition")
    first, second, third = [bench.definition("true", jobDefinitionName=name) for _ in range(3)]
    bench.batch.deregister_job_definition(jobDefinition=f"{name}:3")
    used = {reference: bench.submit(queue, reference) for reference in (name, f"{name}:1", first)}
    assert [bench.describe(job)["jobDefinition"] for job in used.values()] == [second, first, first]
    for reference in (third, f"{name}:3", f"{name}:4", "no-such-definition"):
        with refuses(bench, "is not ACTIVE|does not exist"):
            bench.submit(queue, reference)


@pytest.mark.parametrize("name", ["", "-red", "red blue", "r" * 129, "rot+blau"])
def test_a_job_name_is_checked(bench: Any, name: str) -> None:
    queue, definition = bench.queue(), bench.definition("true")
    with refuses(bench, "jobName"):
        bench.submit(queue, definition, jobName=name)


def test_a_job_goes_to_a_queue_that_exists_and_is_enabled(bench: Any) -> None:
    queue, definition = bench.queue(), bench.definition("true")
    assert bench.submit(queue.rsplit("/", 1)[-1], definition)
    with refuses(bench, "does not exist"):
        bench.submit(queue + "-2", definition)
    bench.batch.update_job_queue(jobQueue=queue, state="DISABLED")
    with refuses(bench, "ENABLED"):
        bench.submit(queue, definition)


def test_a_definition_for_instances_does_not_run_on_fargate(bench: Any) -> None:
    with refuses(bench, "platform capabilities"):
        bench.submit(bench.queue(kind="FARGATE"), bench.definition("true", platformCapabilities=["EC2"]))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"retryStrategy": {"attempts": 11}}, "1 to 10"),
        ({"retryStrategy": {"evaluateOnExit": [{"onReason": "*", "action": "EXIT"}]}}, "attempts is required"),
        ({"retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*", "action": "STOP"}]}}, "RETRY or EXIT"),
        ({"timeout": {"attemptDurationSeconds": 0}}, "attemptDurationSeconds"),
        ({"platformCapabilities": ["EKS"]}, "platformCapabilities"),
        ({"containerProperties": {"image": "x"}, "platformCapabilities": ["FARGATE"]}, "executionRoleArn"),
    ],
)
def test_a_definition_that_aws_would_refuse_is_refused(bench: Any, more: dict[str, Any], complaint: str) -> None:
    with refuses(bench, complaint):
        bench.definition("true", **more)


def test_everything_can_be_tagged(bench: Any) -> None:
    queue, environment, definition = bench.queue(), bench.environment(), bench.definition("true")
    job = bench.describe(bench.submit(queue, definition, size=2))["jobArn"]
    for arn in (queue, environment, definition, job):
        bench.batch.tag_resource(resourceArn=arn, tags={"team": "blue", "stage": "test"})
        bench.batch.untag_resource(resourceArn=arn, tagKeys=["stage"])
        assert bench.batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "blue"}
    (found,) = bench.batch.describe_job_queues(jobQueues=[queue])["jobQueues"]
    assert found["tags"] == {"team": "blue"}
    with refuses(bench, "does not exist"):
        bench.batch.list_tags_for_resource(resourceArn=queue + "-2")
