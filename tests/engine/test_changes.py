"""Small changes of a stack in use: only what must change is changed, and no event is lost meanwhile."""

from __future__ import annotations

import pytest

from batchbell_local.slack.sink import SlackSink
from tests.engine.engine_stack import PATIENCE
from tests.waiting import wait_until

FUNCTION = "Function bell-dispatcher"


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.run("up")
    return stack


@pytest.fixture(scope="module")
def new_sink():
    with SlackSink.start() as running:
        yield running


@pytest.fixture
def notifiers(stack):
    return stack.get("notifiers")


def test_a_new_notifier_adds_its_topic_and_changes_the_function_and_its_rights(stack, notifiers):
    stack.set(notifiers=[*notifiers, {"type": "sns", "name": "second", "statuses": ["FAILED"]}])

    assert sorted(stack.run("up").changes) == [
        "create Topic bell-second",
        f"update {FUNCTION}",
        "update RolePolicy bell-dispatcher",
    ]


def test_while_a_notifier_is_removed_every_finished_job_sends_one_message(stack, notifiers, keep_submitting):
    stack.set(notifiers=notifiers[:-1])
    with keep_submitting(stack) as names:
        done = stack.run("up")
    stack.wait_until_received(*names)

    # The topic is deleted last, when the function no longer publishes to it.
    done.ends_with("delete Topic bell-second")
    assert sorted(done.changes[:-1]) == [f"update {FUNCTION}", "update RolePolicy bell-dispatcher"]
    assert [len(stack.mails(name)) for name in names] == [1] * len(names)


def test_a_rotated_webhook_changes_only_the_parameter_and_the_next_message_uses_it(stack, new_sink, name):
    stack.sink.answer(status=404)  # revoked
    stack.secrets["slackWebhook"] = new_sink.url
    done = stack.run("up")
    stack.submit(name, 2)
    wait_until(lambda: new_sink.accepted, "received", PATIENCE)

    assert done.changes == ["update Parameter bell-slack-webhook"]
    assert name in new_sink.accepted[0]["text"]
    assert new_sink.url.rpartition("/")[2] not in done.printed


def test_another_status_changes_only_the_rule_and_another_command_only_the_job_definition(stack, name):
    stack.set(statuses=["FAILED"], environment_command=["sh", "-c", "exit 3"])
    done = stack.run("up")
    stack.submit(name, 2)
    wait_until(lambda: stack.mails(name), "mailed", PATIENCE)

    assert sorted(done.changes) == [
        "update EventRule bell-finished",
        "update JobDefinition bell-batch-job",
    ]
    assert stack.mails(name) == [f"{name} failed: all 2 children"]


def test_the_sweeps_of_running_arrays_come_and_go_with_their_setting_and_change_nothing_else(stack):
    changed = [
        f"update {FUNCTION}",
        "update QueuePolicy bell-dead-letters",
        "update QueuePolicy bell-intake",
        "update RolePolicy bell-dispatcher",
    ]
    added = ["EventRule bell-sweep", "EventTarget bell-sweep", "MetricAlarm bell-sweep-lost"]
    stack.set(stalled_after=60)
    turned_on = stack.run("up").changes
    stack.set(stalled_after=0)
    turned_off = stack.run("up").changes

    assert sorted(turned_on) == sorted([*(f"create {one}" for one in added), *changed])
    assert sorted(turned_off) == sorted([*(f"delete {one}" for one in added), *changed])
