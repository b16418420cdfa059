"""Changes of the Batch environment: updated in place where AWS can, otherwise replaced before it is deleted.

AWS Batch refuses to delete a compute environment that a queue refers to, and to change the type of one on Fargate.
"""

from __future__ import annotations

import pytest

ENVIRONMENT = "ComputeEnvironment bell-batch"
QUEUE = "update JobQueue bell-batch-queue"

VARIATION = """
def _vary(args):
    if args.type_ == "aws:batch/computeEnvironment:ComputeEnvironment":
        resources = args.props["compute_resources"]
        {change}
    return pulumi.ResourceTransformationResult(args.props, args.opts)

pulumi.runtime.register_stack_transformation(_vary)
"""


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.cloud.lag_relations(0)  # but in the test of such a lag
    stack.run("up")
    return stack


@pytest.fixture
def vary(stack):
    """Changes properties of the compute environment that no setting covers, in the program itself."""
    program = stack.folder / "__main__.py"
    whole = program.read_text()

    def apply(change):
        head, start, rest = whole.partition("NAME = ")
        program.write_text(head + VARIATION.format(change=change) + start + rest)

    yield apply
    program.write_text(whole)


def environments(stack):
    """Return name and resources of the only compute environment in AWS, to which the queue must refer."""
    batch = stack.cloud.client("batch")
    (queue,) = batch.describe_job_queues(jobQueues=[stack.outputs["job_queue_name"]])["jobQueues"]
    (order,) = queue["computeEnvironmentOrder"]
    found = batch.describe_compute_environments()["computeEnvironments"]
    assert [one["computeEnvironmentArn"] for one in found] == [order["computeEnvironment"]]
    return found[0]["computeEnvironmentName"], found[0]["computeResources"]


def in_order(changes, *expected):
    """Assert that `changes` contain the expected ones in this order."""
    positions = [changes.index(one) for one in expected]
    assert positions == sorted(positions), changes


def test_subnets_vcpus_and_spot_are_updated_in_place(stack):
    name, resources = environments(stack)
    stack.set(environment_subnet_ids=resources["subnets"][:1], environment_max_vcpus=12, environment_platform="SPOT")
    done = stack.run("up")
    kept, resources = environments(stack)

    assert done.changes == [f"update {ENVIRONMENT}-ec2"]
    assert kept == name
    assert (resources["type"], resources["maxvCpus"], len(resources["subnets"])) == ("SPOT", 12, 1)


def test_where_aws_still_sees_the_queue_only_the_deletion_fails_and_the_next_up_repeats_it(stack, name):
    stack.cloud.lag_relations(3_600)
    stack.set(environment_platform="FARGATE_SPOT")
    done = stack.start("up").finish()
    stack.submit(name, 3)
    stack.wait_until_received(name)
    stack.cloud.lag_relations(0)
    again = stack.run("up")
    _, resources = environments(stack)

    assert "Cannot delete, found existing JobQueue relationship" in done.failed
    in_order(done.changes, f"create {ENVIRONMENT}-fargate-spot", QUEUE)
    assert again.changes[0] == f"delete {ENVIRONMENT}-ec2"
    assert all(change.startswith("delete ") for change in again.changes), again.changes
    assert resources["type"] == "FARGATE_SPOT"


def test_ec2_replaces_fargate_in_two_steps_none_of_which_fails_however_long_aws_sees_the_queue(stack):
    stack.cloud.lag_relations(3_600)
    stack.set(environment_platform="EC2")
    moved = stack.start("up", "--exclude", "**ComputeEnvironment::bell-batch-fargate-spot").finish()
    stack.cloud.lag_relations(0)
    later = stack.run("up")
    _, resources = environments(stack)

    assert not moved.failed, moved.failed
    in_order(moved.changes, f"create {ENVIRONMENT}-ec2", QUEUE)
    assert later.changes[0] == f"delete {ENVIRONMENT}-fargate-spot"
    assert resources["type"] == "EC2"


def test_an_environment_that_aws_does_not_let_go_is_deleted_by_hand_and_the_next_up_forgets_it(stack, vary):
    batch = stack.cloud.client("batch")
    before, _ = environments(stack)
    stack.cloud.lag_relations(3_600)
    vary('resources.placement_group, resources.launch_template = "apart", None')
    refused = stack.start("up").finish()
    stack.cloud.lag_relations(0)
    batch.update_compute_environment(computeEnvironment=before, state="DISABLED")
    batch.delete_compute_environment(computeEnvironment=before)
    stack.run("up")
    after, _ = environments(stack)

    assert "found existing JobQueue relationship" in refused.failed
    in_order(refused.changes, f"create-replacement {ENVIRONMENT}-ec2", QUEUE)
    assert after != before


def test_a_change_that_aws_cannot_make_in_place_creates_the_replacement_first(stack):
    """The environment loses the placement group of the test before, and gets its launch template back."""
    before, resources = environments(stack)
    done = stack.run("up")
    after, _ = environments(stack)

    assert "launchTemplate" not in resources
    in_order(done.changes, f"create-replacement {ENVIRONMENT}-ec2", QUEUE, f"delete-replaced {ENVIRONMENT}-ec2")
    assert after != before
    assert "launchTemplate" in environments(stack)[1]


def revisions(stack):
    """The attempts of each active revision of the job definition."""
    batch, name = stack.cloud.client("batch"), stack.outputs["job_definition_name"]
    found = batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    return {one["revision"]: one["retryStrategy"]["attempts"] for one in found}


def test_every_setting_for_companies_is_taken_over_in_place_and_old_revisions_are_left_to_those_who_name_them(stack):
    role = "arn:aws:iam::123456789012:role/company/render"
    name, before = environments(stack)[0], revisions(stack)
    stack.set(
        environment_attempts=4,
        environment_volume_encryption=True,
        environment_assign_public_ip=False,
        environment_job_timeout=600,
        environment_job_role_arn=f"{role}-job",
        environment_execution_role_arn=f"{role}-execution",
        environment_log_retention_days=90,
    )
    done = stack.run("up")
    after = revisions(stack)

    assert environments(stack)[0] == name
    assert sorted(done.changes) == [
        f"update {ENVIRONMENT}-ec2",
        "update JobDefinition bell-batch-job",
        "update LaunchTemplate bell-batch-instance",
        "update LogGroup bell-batch-jobs",
    ]
    assert after == before | {max(before) + 1: 4}


def test_a_refresh_reads_the_definitions_first_revision_until_that_is_deregistered(stack):
    """The engine keeps the id of the first revision (pulumi#3729), by which the provider reads."""
    definition = "JobDefinition bell-batch-job"
    refreshed, again = stack.run("refresh"), stack.run("up")
    stack.cloud.client("batch").deregister_job_definition(jobDefinition="print-color:1")
    forgotten, made = stack.run("refresh"), stack.run("up")

    assert (refreshed.changes, again.changes) == ([f"update {definition}"], [f"update {definition}"])
    assert (forgotten.changes, made.changes) == ([f"delete {definition}"], [f"create {definition}"])


def test_a_preview_with_a_refresh_after_all_changes_shows_none(stack):
    done = stack.start("preview", "--refresh").finish()

    assert not done.failed, done.failed
    assert (done.summary, done.changes) == ({"same": 39}, [])


def test_fargate_replaces_ec2_while_messages_are_sent(stack, name):
    stack.set(environment_platform="FARGATE", environment_volume_encryption=False)
    done = stack.run("up")
    _, resources = environments(stack)
    stack.submit(name, 3)
    stack.wait_until_received(name)

    in_order(done.changes, f"create {ENVIRONMENT}-fargate", QUEUE, f"delete {ENVIRONMENT}-ec2")
    assert resources["type"] == "FARGATE"
    assert stack.mails(name) == [f"{name} succeeded: all 3 children"]
