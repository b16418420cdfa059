"""Several stacks in one account, and wrong settings."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def stacks(make_stack):
    """Two stacks of one project, deployed at the same time."""
    pair = [make_stack("first"), make_stack("second")]
    running = [stack.start("up") for stack in pair]
    for stack, one in zip(pair, running, strict=True):
        done = one.finish()
        assert not done.failed, done.failed
        stack.outputs = done.outputs
    return pair


def test_two_stacks_side_by_side_get_only_their_own_messages(stacks, name):
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


def test_a_renamed_stack_keeps_every_resource(stacks, everything):
    stack, before = stacks[1], everything()
    stack.cli("stack", "rename", "renamed")
    stack.name = "renamed"

    assert {change.split()[0] for change in stack.run("up").changes} == {"update"}
    assert everything() == before
    assert stack.run("up").summary == {"same": 39}


def test_destroying_one_stack_does_not_affect_the_other(stacks, name):
    first, second = stacks
    first.run("destroy")
    second.submit(name, 2)
    second.wait_until_received(name)

    assert second.run("refresh").summary == {"same": 39}


@pytest.fixture
def wrong(make_stack):
    return make_stack("wrong")


def test_all_wrong_settings_are_reported_at_once_and_nothing_is_created(wrong, everything):
    before = everything()
    wrong.set(
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
    done = wrong.start("up").finish()
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
    assert everything() == before
