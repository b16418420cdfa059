"""Interrupted operations: Ctrl-C, a killed engine, a destroy while jobs run."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import uuid

import pytest

from tests.engine.engine_stack import PATIENCE
from tests.waiting import Limit, wait_until


@pytest.fixture(scope="module")
def provider():
    """Each engine starts the provider."""
    return {}


@pytest.fixture
def other_stack(make_stack):
    return make_stack(f"s{uuid.uuid4().hex[:6]}")


def test_after_ctrl_c_the_next_up_creates_nothing_twice_and_a_destroy_while_jobs_run_leaves_nothing(
    other_stack, everything, name
):
    before = everything()
    running = other_stack.start("up")
    running.wait_for("create Queue bell-intake", "begun")
    running.signal(signal.SIGINT)
    first = running.finish()
    second = other_stack.run("up")
    other_stack.submit(name, 2)
    other_stack.wait_until_received(name)
    other_stack.submit("busy", 4, ["sleep", "60"])
    wait_until(lambda: has_jobs(other_stack), "running")
    destroyed = other_stack.run("destroy")

    assert "update canceled" in first.failed
    assert "from $PATH" not in first.printed + second.printed  # the plugin is found where the CLI keeps plugins
    assert 0 < len(first.changes) < 37
    assert set(first.changes).isdisjoint(second.changes)
    assert len(first.changes) + len(second.changes) == 37
    assert len(destroyed.changes) == 37
    assert everything() == before  # a resource that was created twice would be left now


def test_after_a_kill_cancel_and_up_succeed_and_pending_resources_are_named_and_found_by_their_tag(
    other_stack, own_cloud, backend
):
    function = "Function bell-dispatcher"
    running = other_stack.start("up")
    running.wait_for(f"create {function}", "begun")
    pause_until(running, lambda: tagged(own_cloud, other_stack, "lambda"))
    running.kill()
    wait_until(lambda: not providers(other_stack), "ended with the engine")
    recorded, in_flight = state(backend, other_stack)
    locked = other_stack.start("up").finish()
    other_stack.cli("cancel", "--yes")
    done = other_stack.run("up")
    (warning,) = (text for _, text in done.diagnostics if "interrupted while creating" in text)
    (lost,) = tagged(own_cloud, other_stack, "lambda") - {other_stack.outputs["function_name"]}

    assert "locked" in locked.failed
    assert len(recorded) > 15 and function in in_flight
    assert {f"create {one}" for one in recorded}.isdisjoint(done.changes)
    assert [one for one in in_flight if f"::{one.split()[1]}," not in warning] == []
    assert lost.startswith(f"{other_stack.name}-bell-dispatcher-")
    other_stack.run("destroy")


def pause_until(running, reached):
    """Stop the engine, but not its provider, so that the engine never learns that the resource exists.

    The engine runs for moments only, until it has sent the request to create the resource.
    """
    running.signal(signal.SIGSTOP)
    limit = Limit(PATIENCE)
    while not reached():
        assert not limit.passed
        running.signal(signal.SIGCONT)
        time.sleep(0.01)
        running.signal(signal.SIGSTOP)
        time.sleep(0.3)


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


def state(backend, stack):
    """Return the resources ("Queue bell-intake") that the state file records as existing, and as pending."""
    deployment = json.loads((backend / ".pulumi/stacks/batchbell" / f"{stack.name}.json").read_text())["checkpoint"]
    resources = [one for one in deployment["latest"]["resources"] if one["type"].startswith("aws:")]
    pending = [one["resource"] for one in deployment["latest"].get("pending_operations", [])]
    return [
        {f"{one['type'].rpartition(':')[2]} {one['urn'].rpartition('::')[2]}" for one in kind}
        for kind in (resources, pending)
    ]


def providers(stack):
    """Return the processes of our provider that use this stack's cloud."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    found = [int(line.split()[0]) for line in listed.splitlines() if "batchbell_local.pulumi.provider" in line]
    return [pid for pid in found if talks_to(pid, stack.cloud.endpoint)]


def talks_to(pid, endpoint):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return endpoint.encode() in file.read()
    except OSError:
        return False
