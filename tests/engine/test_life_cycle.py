"""A stack from its first `up` to its destruction. The tests build on each other, in order."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile

import pytest


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


def test_a_refresh_shows_no_changes_and_neither_does_the_preview_after_it(deployed):
    done = deployed.run("refresh")

    assert (done.summary, done.changes) == ({"same": 39}, [])
    assert deployed.run("preview").summary == {"same": 39}


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


def test_a_destroy_leaves_nothing(deployed, before, everything):
    deployed.run("destroy")

    assert everything() == before
