"""A stack from its first `up` to its destruction. The tests build on each other, in order.

Small changes while it is in use change only what they must, and meanwhile no event is lost.
"""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile

import pytest

from batchbell_local.slack.sink import SlackSink
from tests.engine.engine_stack import PATIENCE
from tests.waiting import wait_until

FUNCTION = "Function bell-dispatcher"


@pytest.fixture(scope="module")
def before(everything, own_cloud):
    return everything()


@pytest.fixture(scope="module")
def stack(make_stack, before):
    return make_stack()


@pytest.fixture(scope="module")
def deployed(stack):
    stack.done = stack.run("up")
    return stack


def test_an_up_creates_everything(deployed, before, everything):
    created = [change for change in deployed.done.changes if change.startswith("create ")]

    assert len(created) == len(deployed.done.changes) == 33
    empty = [kind for kind, names in everything().items() if len(names) == len(before[kind])]
    assert empty == []


@pytest.fixture(scope="module")
def preview(deployed):
    return deployed.start("preview", "--refresh").finish()


def test_a_refresh_shows_no_changes_and_neither_does_the_preview_after_it(preview):
    assert (preview.failed, preview.summary, preview.changes) == ("", {"same": 39}, [])


def test_a_preview_says_which_subnets_of_the_default_vpc_are_left_out_and_why(preview):
    (said,) = (text for severity, text in preview.diagnostics if "left out" in text)

    assert "subnet-00000004 (not its zone's own subnet), subnet-00000005 (in a Local Zone)" in said
    assert "to use them, set environment_subnet_ids" in said


def test_an_array_job_sends_its_messages(deployed, name):
    deployed.submit(name, 7)
    deployed.wait_until_received(name)

    assert deployed.slack(name) == [f"✅ {name} succeeded: all 7 children"]
    assert deployed.mails(name) == [f"{name} succeeded: all 7 children"]


def test_a_rules_target_is_created_only_after_the_queue_policies(deployed, backend):
    """EventBridge drops events that a queue refuses, so the state must record this dependency."""
    (file,) = (backend / ".pulumi" / "stacks").rglob(f"{deployed.name}.json")
    resources = json.loads(file.read_text())["checkpoint"]["latest"]["resources"]
    targets = [one for one in resources if one["type"].endswith(":EventTarget")]

    assert len(targets) == 1
    for target in targets:
        policies = {urn.rpartition("::")[2] for urn in target["dependencies"] if ":QueuePolicy::" in urn}
        assert policies == {"bell-intake", "bell-retry", "bell-dead-letters"}


def test_no_plain_secret_is_in_the_state_the_engines_output_the_function_or_its_package(deployed, backend):
    token = deployed.sink.url.rpartition("/")[2]
    states = [path for path in backend.rglob("*") if path.is_file()]
    function = deployed.cloud.client("lambda").get_function(FunctionName=deployed.outputs["function_name"])
    package = zipfile.ZipFile(io.BytesIO(urllib.request.urlopen(function["Code"]["Location"]).read()))

    assert any("backups" in path.parts for path in states)
    assert [path for path in states if token.encode() in path.read_bytes()] == []
    assert deployed.done.printed != "" and token not in deployed.done.printed
    assert token not in json.dumps(deployed.outputs) + deployed.file.read_text()
    assert token not in json.dumps(function["Configuration"]["Environment"])
    assert not any(token.encode() in package.read(name) for name in package.namelist())


def test_a_refresh_detects_changes_made_outside_of_pulumi_and_up_reverts_them(deployed, name):
    events = deployed.cloud.client("events")
    rule = deployed.outputs["rule_arn"].rpartition("/")[2]
    target = events.list_targets_by_rule(Rule=rule)["Targets"][0]["Id"]
    events.remove_targets(Rule=rule, Ids=[target])
    deployed.cloud.client("sqs").set_queue_attributes(
        QueueUrl=deployed.outputs["intake_queue_url"], Attributes={"VisibilityTimeout": "7"}
    )
    refreshed = deployed.run("refresh")

    assert refreshed.summary == {"same": 37, "update": 1, "delete": 1}
    assert sorted(deployed.run("up").changes) == [
        "create EventTarget bell-finished",
        "update Queue bell-intake",
    ]


@pytest.fixture(scope="module")
def new_sink():
    with SlackSink.start() as running:
        yield running


@pytest.fixture
def notifiers(deployed):
    return deployed.get("notifiers")


def test_a_new_notifier_adds_its_topic_and_changes_the_function_and_its_rights(deployed, notifiers):
    deployed.set(notifiers=[*notifiers, {"type": "sns", "name": "second", "statuses": ["FAILED"]}])

    assert sorted(deployed.run("up").changes) == [
        "create Topic bell-second",
        f"update {FUNCTION}",
        "update RolePolicy bell-dispatcher",
    ]


def test_while_a_notifier_is_removed_every_finished_job_sends_one_message(deployed, notifiers, keep_submitting):
    deployed.set(notifiers=notifiers[:-1])
    with keep_submitting(deployed) as names:
        done = deployed.run("up")
    deployed.wait_until_received(*names)

    # The topic is deleted last, when the function no longer publishes to it.
    done.ends_with("delete Topic bell-second")
    assert sorted(done.changes[:-1]) == [f"update {FUNCTION}", "update RolePolicy bell-dispatcher"]
    assert [len(deployed.mails(name)) for name in names] == [1] * len(names)


def test_a_rotated_webhook_changes_only_the_parameter_and_the_next_message_uses_it(deployed, new_sink, name):
    deployed.sink.answer(status=404)  # revoked
    deployed.secrets["slackWebhook"] = new_sink.url
    done = deployed.run("up")
    deployed.submit(name, 2)
    wait_until(lambda: new_sink.accepted, "received", PATIENCE)

    assert done.changes == ["update Parameter bell-slack-webhook"]
    assert name in new_sink.accepted[0]["text"]
    assert new_sink.url.rpartition("/")[2] not in done.printed


def test_another_status_changes_only_the_rule_and_another_command_only_the_job_definition(deployed, name):
    deployed.set(statuses=["FAILED"], environment_command=["sh", "-c", "exit 3"])
    done = deployed.run("up")
    deployed.submit(name, 2)
    wait_until(lambda: deployed.mails(name), "mailed", PATIENCE)

    assert sorted(done.changes) == [
        "update EventRule bell-finished",
        "update JobDefinition bell-batch-job",
    ]
    assert deployed.mails(name) == [f"{name} failed: all 2 children"]


def test_the_sweeps_of_running_arrays_come_and_go_with_their_setting_and_change_nothing_else(deployed):
    changed = [
        f"update {FUNCTION}",
        "update QueuePolicy bell-dead-letters",
        "update QueuePolicy bell-intake",
        "update RolePolicy bell-dispatcher",
    ]
    added = ["EventRule bell-sweep", "EventTarget bell-sweep", "MetricAlarm bell-sweep-lost"]
    deployed.set(stalled_after=60)
    turned_on = deployed.run("up").changes
    deployed.set(stalled_after=0)
    turned_off = deployed.run("up").changes

    assert sorted(turned_on) == sorted([*(f"create {one}" for one in added), *changed])
    assert sorted(turned_off) == sorted([*(f"delete {one}" for one in added), *changed])


def test_a_destroy_leaves_nothing(deployed, before, everything):
    deployed.run("destroy")

    assert everything() == before
