"""Two stacks side by side. One is interrupted: Ctrl-C, a killed engine, a destroy while jobs run, wrong settings.

The tests build on each other, in order. The other stack keeps everything meanwhile, even when it is renamed.
"""

from __future__ import annotations

import signal
import uuid

import pytest

from tests.engine.killed_engine import pause_until, providers, recorded_and_pending
from tests.waiting import wait_until

FUNCTION = "Function bell-dispatcher"
CREATED = 33  # resources


@pytest.fixture(scope="module")
def before(everything):
    return everything()


@pytest.fixture(scope="module")
def stack(make_stack, before):
    stack = make_stack(f"s{uuid.uuid4().hex[:6]}")
    stack.environment["PULUMI_SKIP_CHECKPOINTS"] = "false"
    return stack


@pytest.fixture(scope="module")
def beginning(make_stack, before):
    """The other stack, whose `up` runs at the same time."""
    other = make_stack("other")
    return other, other.start("up")


@pytest.fixture(scope="module")
def other(beginning, completed):
    """The other stack, deployed."""
    other, running = beginning
    done = running.finish()
    assert not done.failed, done.failed
    other.outputs = done.outputs
    return other


@pytest.fixture(scope="module")
def canceled(stack, beginning):
    """The result of the first `up`, which Ctrl-C ended early."""
    running = stack.start("up")
    running.wait_for("create Queue bell-intake", "begun")
    running.signal(signal.SIGINT)
    return running.finish()


@pytest.fixture(scope="module")
def killed(stack, canceled, own_cloud):
    """The result of the second, which was killed while AWS created the function.

    Its engine starts the provider, as a real one does.
    """
    shared = stack.environment.pop("PULUMI_DEBUG_PROVIDERS")
    running = stack.start("up")
    stack.environment["PULUMI_DEBUG_PROVIDERS"] = shared
    running.wait_for(f"create {FUNCTION}", "begun")
    pause_until(running, lambda: tagged(own_cloud, stack, "lambda"))
    running.kill()
    return running.finish()


@pytest.fixture(scope="module")
def recorded(stack, killed, backend):
    """The resources that the state records as existing, and those that it records as pending."""
    return recorded_and_pending(backend, stack)


@pytest.fixture(scope="module")
def completed(stack, recorded):
    """The result of the third, after `pulumi cancel`."""
    stack.cli("cancel", "--yes")
    return stack.run("up")


def test_ctrl_c_ends_an_up_in_order(canceled):
    assert "update canceled" in canceled.failed
    assert 0 < len(canceled.changes) < CREATED


def test_after_a_kill_the_provider_ends_and_the_stack_is_locked(stack, killed):
    wait_until(lambda: not providers(stack), "ended with the engine")
    locked = stack.start("up").finish()

    assert "from $PATH" not in killed.printed  # the plugin is found where the CLI keeps plugins
    assert "locked" in locked.failed


def test_what_an_interrupted_or_killed_up_recorded_is_not_created_again(canceled, killed, recorded, completed):
    existing, in_flight = recorded
    created = {f"create {one}" for one in existing}

    assert len(existing) > 15 and FUNCTION in in_flight
    assert set(canceled.changes) <= created
    assert set(canceled.changes).isdisjoint(killed.changes)
    assert created.isdisjoint(completed.changes)
    assert len(created) + len(completed.changes) == CREATED


def test_after_a_kill_pending_resources_are_named_and_found_by_their_tag(stack, recorded, completed, own_cloud):
    (warning,) = (text for _, text in completed.diagnostics if "interrupted while creating" in text)
    (lost,) = tagged(own_cloud, stack, "lambda") - {stack.outputs["function_name"]}

    assert [one for one in recorded[1] if f"::{one.split()[1]}," not in warning] == []
    assert lost.startswith(f"{stack.name}-bell-dispatcher-")


def test_two_stacks_side_by_side_get_only_their_own_messages(stack, other, name):
    stacks = stack, other
    for stack in stacks:
        stack.submit(f"{name}-{stack.name}", 2)
    for stack in stacks:
        stack.wait_until_received(f"{name}-{stack.name}")

    for stack in stacks:
        assert len(stack.slack(f"{name}-{stack.name}")) == len(stack.mails(f"{name}-{stack.name}")) == 1
        table = stack.cloud.client("dynamodb").scan(TableName=stack.outputs["ledger_table_name"])
        messages = {item["message"]["S"] for item in table["Items"]}
        assert len(messages) == 1
    shared = {str(value) for value in stacks[0].outputs.values()} & {str(value) for value in stacks[1].outputs.values()}
    assert shared == set()


def test_a_renamed_stack_keeps_every_resource(other, everything):
    there = everything()
    other.cli("stack", "rename", "renamed")
    other.name = "renamed"

    assert {change.split()[0] for change in other.run("up").changes} == {"update"}
    assert everything() == there


def test_destroying_one_stack_while_its_jobs_run_does_not_affect_the_other(stack, other, name):
    stack.submit("busy", 4, ["sleep", "60"])
    wait_until(lambda: has_jobs(stack), "running")
    destroyed = stack.run("destroy")
    other.submit(name, 2)
    other.wait_until_received(name)
    unchanged = other.start("preview", "--refresh").finish()  # nor does it need another update after its new name

    assert len(destroyed.changes) == CREATED
    assert (unchanged.failed, unchanged.summary) == ("", {"same": 39})


def test_all_wrong_settings_are_reported_at_once_and_nothing_is_created(stack, everything):
    there = everything()  # the stack was destroyed
    stack.set(
        notifiers=[
            {"type": "slak", "name": "ops"},
            {"type": "slack", "name": "team", "webhook": "https://hooks.slack.com/services/T0/B0/notatoken"},
            {"type": "email", "name": "team", "sender": "nobody", "recipients": []},
        ],
        statuses=["DONE"],
        environment_platfrom="EC2",
        environment_max_vcpus="many",
        environment_volume_encryption=[],
    )
    done = stack.start("up").finish()
    for path in (
        "batchbell:notifiers[0].type",
        "batchbell:notifiers[1].webhook",
        "batchbell:notifiers[2].name",
        "batchbell:notifiers[2].sender",
        "batchbell:notifiers[2].recipients",
        "batchbell:statuses[0]",
        "batchbell:environment_platfrom",
        "batchbell:environment_max_vcpus",
        "batchbell:environment_volume_encryption",
    ):
        assert path in done.failed, path
    assert "notatoken" not in done.printed
    assert "Traceback" not in done.failed
    (error,) = (text for severity, text in done.diagnostics if severity == "error")
    assert error.startswith("9 mistakes in the settings; nothing was changed:")
    assert "unhandled error" not in done.printed
    assert everything() == there


def test_after_a_destroy_of_both_only_what_the_kill_lost_is_left(stack, other, recorded, everything, before):
    other.run("destroy")
    left = {name for kind, names in everything().items() for name in names if name not in before[kind]}
    lost = tuple(f"{stack.name}-{one.split()[1]}-" for one in recorded[1])

    # A resource that was created twice would be left, too.
    assert [name for name in left if not name.startswith(lost)] == []


def has_jobs(stack):
    batch = stack.cloud.client("batch")
    queue = stack.outputs["job_queue_name"]
    return any(batch.list_jobs(jobQueue=queue, jobStatus=one)["jobSummaryList"] for one in ("PENDING", "RUNNING"))


def tagged(cloud, stack, service):
    """Return the names of resources that are found by the stack's tag."""
    found = cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "batchbell", "Values": [f"batchbell/{stack.name}"]}], ResourceTypeFilters=[service]
    )
    return {one["ResourceARN"].rpartition(":")[2] for one in found["ResourceTagMappingList"]}
