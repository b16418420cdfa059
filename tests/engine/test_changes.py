"""Small changes of a stack in use: only what must change is changed, and no event is lost meanwhile."""

from __future__ import annotations

import pytest

from batchbell_local.slack.sink import SlackSink

FUNCTION = "Function print-color-dispatcher"
ENVIRONMENT = "ComputeEnvironment print-color-batch-ec2"


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.run("up")
    return stack


@pytest.fixture
def notifiers(stack):
    return stack.get("notifiers")


def test_a_new_notifier_adds_its_topic_and_changes_the_function_and_its_rights(stack, notifiers):
    stack.set(notifiers=[*notifiers, {"type": "sns", "name": "second", "statuses": ["FAILED"]}])

    assert sorted(stack.run("up").changes) == [
        "create Topic print-color-second",
        f"update {FUNCTION}",
        "update RolePolicy print-color-dispatcher",
    ]


def test_while_a_notifier_is_removed_every_finished_job_sends_one_message(stack, notifiers, keep_submitting):
    stack.set(notifiers=notifiers[:-1])
    with keep_submitting(stack) as names:
        done = stack.run("up")
    stack.wait_until_received(*names)

    # The topic is deleted last, when the function no longer publishes to it.
    done.ends_with("delete Topic print-color-second")
    assert sorted(done.changes[:-1]) == [f"update {FUNCTION}", "update RolePolicy print-color-dispatcher"]
    assert len(names) > 3
    assert [len(stack.mails(name)) for name in names] == [1] * len(names)


def test_a_rotated_webhook_changes_only_the_parameter_and_the_next_message_uses_it(stack, name):
    revoked = stack.sink
    with SlackSink.start() as other:
        revoked.answer(status=404)
        stack.secrets["slackWebhook"] = other.url
        done = stack.run("up")
        stack.submit(name, 2)
        accepted = other.wait_for(1, timeout=40)
        stack.secrets["slackWebhook"] = revoked.url
        back = stack.run("up")
    revoked.answer(status=200)

    assert done.changes == back.changes == ["update Parameter print-color-slack-webhook"]
    assert name in accepted[0]["text"]
    assert other.url.rpartition("/")[2] not in done.printed


def test_more_vcpus_change_the_environment_in_place(stack):
    stack.set(environment_max_vcpus=8)

    assert stack.run("up").changes == [f"update {ENVIRONMENT}"]


def test_another_status_changes_only_the_rule(stack):
    stack.set(statuses=["FAILED"])

    assert stack.run("up").changes == ["update EventRule print-color-finished"]


def test_another_command_registers_a_new_revision_of_the_job_definition(stack, name):
    stack.set(environment_command=["sh", "-c", "exit 3"])
    done = stack.run("up")
    stack.submit(name, 2)
    stack.wait_until(lambda: stack.mails(name), "mailed", timeout=40)

    assert done.changes == ["update JobDefinition print-color-batch-job"]
    assert stack.mails(name) == [f"{name} failed: all 2 children"]
