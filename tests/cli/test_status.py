from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from batchbell.cli import status
from batchbell.cli.deployed.stack import DeployedStack
from batchbell.wire import HEALTH_KEY, SWEEP_KEY
from tests.engine.cli.build import NoPulumi, find_pulumi, must_run

PASSPHRASE = "a passphrase of the tests"


def epoch(text):
    return datetime.fromisoformat(text).timestamp()


def test_a_healthy_stack_needs_no_attention(operator, finished, name):
    first, latest = finished(), finished()
    operator.stack.send(first)
    operator.stack.wait_until_received(name)
    operator.stack.wait_until_idle()  # a channel has a message before the ledger says so
    sent = float(operator.ledger_row(first, "slack")["sent"]["N"])
    operator.stack.wait_until(lambda: time.time() > sent + 1, "a second later")
    operator.stack.send(latest)
    operator.stack.wait_until(lambda: len(operator.stack.mails(name)) >= 2, "mailed")
    operator.stack.wait_until_idle()
    answer = operator.answer("status")

    assert answer["function"] == operator.stack.deployment.outputs["function_name"]
    assert answer["region"] == "us-east-1"
    nothing = {"waiting": 0, "in_flight": 0, "delayed": 0}
    assert answer["queues"] == {
        "intake": {**nothing, "mapping": "Enabled"},
        "retry": {**nothing, "mapping": "Enabled"},
        "dead_letters": {**nothing, "mapping": None},
    }
    assert [one["name"] for one in answer["notifiers"]] == ["slack", "email", "sns"]
    for notifier in answer["notifiers"]:
        row = operator.ledger_row(latest, notifier["name"])
        assert epoch(notifier["last_delivery"]) == int(float(row["sent"]["N"]))
        assert (notifier["failing_since"], notifier["reason"]) == (None, None)
    assert answer["dead_letters"] == {"total": 0, "sampled": 0, "copies": 0, "groups": []}
    assert (answer["notes"], answer["attention"]) == ([], [])
    assert "Nothing to do" in operator.run("status").stdout


def test_refused_messages_are_shown_by_notifier_and_reason_until_it_delivers_again(operator, finished, name):
    jobs = [finished(), finished()]
    operator.refuse(*jobs)
    answer = operator.answer("status", exit_code=1)
    (group,) = answer["dead_letters"]["groups"]

    assert (group["kind"], group["count"]) == ("refused", 2)
    assert (group["notifier"], group["reason"]) == ("slack", "Slack answered 404 no_service")
    assert abs(epoch(group["oldest"]) - time.time()) < 60
    assert sorted(job["id"] for job in group["jobs"]) == sorted(job["detail"]["jobId"] for job in jobs)
    assert {(job["name"], job["status"]) for job in group["jobs"]} == {(name, "SUCCEEDED")}
    slack, email, _ = answer["notifiers"]
    assert slack["reason"] == "Slack answered 404 no_service"
    assert epoch(slack["failing_since"]) > epoch(email["last_delivery"]) - 30
    assert email["failing_since"] is None
    assert len(answer["attention"]) == 2
    shown = operator.run("status").stdout
    for text in ("slack", "failing since", "Slack answered 404 no_service", name, "2 dead letters"):
        assert text in shown

    operator.stack.send(finished())
    operator.stack.wait_until(lambda: operator.stack.slack(name), "delivered")
    operator.stack.wait_until_idle()

    assert operator.answer("status", exit_code=1)["notifiers"][0]["failing_since"] is None


def test_every_dead_letter_has_a_reason(operator, finished, ticket, name):
    operator.stack.send("not JSON at all")
    operator.stack.wait_until(lambda: operator.stack.in_queue("dead_letter_queue_url") == 1, "unreadable")
    operator.bury(finished(), ERROR_CODE="NO_PERMISSIONS")
    operator.bury(finished())
    groups = operator.answer("status", exit_code=1)["dead_letters"]["groups"]

    assert sorted((one["kind"], one["notifier"], one["reason"], len(one["jobs"])) for one in groups) == [
        ("died", None, "the function died", 1),
        ("undelivered", None, "the rule could not deliver it: NO_PERMISSIONS", 1),
        ("unreadable", None, "the record is not JSON", 0),
    ]


def test_a_dead_letter_that_sqs_took_twice_is_shown_as_a_copy(operator, ticket):
    twice = ticket(died=time.time())
    other = ticket(died=time.time())
    other["message"] |= {"key": other["message"]["key"] + "2"}
    operator.bury(twice, other, twice | {"died": time.time() + 1})

    assert operator.answer("status", exit_code=1)["dead_letters"]["copies"] == 1
    assert "Dead letters: 3, 1 of them copies" in operator.run("status").stdout


def test_a_dead_letter_that_sqs_moved_is_due_to_a_crash_whatever_it_was_before(operator, ticket):
    """For example one that was redriven after a channel had refused it."""
    sqs = operator.stack.cloud.client("sqs")
    dead_letters = sqs.get_queue_attributes(QueueUrl=operator.dead_letter_url, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": dead_letters["Attributes"]["QueueArn"], "maxReceiveCount": 1}
    url = sqs.create_queue(QueueName="deadly", Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(ticket(died=time.time())))
    for _ in range(2):
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    (group,) = operator.answer("status", exit_code=1)["dead_letters"]["groups"]

    assert (group["kind"], group["notifier"], group["reason"]) == ("died", "slack", "the function died")


def test_at_most_a_hundred_dead_letters_are_read_and_the_output_says_so(operator, ticket):
    operator.bury(*(ticket(died=time.time()) for _ in range(105)))
    answer = operator.answer("status", exit_code=1)["dead_letters"]

    assert (answer["total"], answer["sampled"], answer["groups"][0]["count"]) == (105, 100, 100)
    assert "a sample of 100 of 105" in operator.run("status").stdout
    assert operator.answer("status", exit_code=1)["queues"]["dead_letters"] == {
        "waiting": 105,
        "in_flight": 0,
        "delayed": 0,
        "mapping": None,
    }


def test_tickets_are_counted_but_never_received_and_a_queue_that_is_not_polled_is_reported(
    operator, function_stopped, ticket
):
    """Each receive of a ticket counts as one of its five."""
    sqs, url = operator.stack.cloud.client("sqs"), operator.stack.deployment.outputs["retry_queue_url"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(ticket()))
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(ticket()), DelaySeconds=300)
    answer = operator.answer("status", exit_code=1)
    received = sqs.receive_message(QueueUrl=url, AttributeNames=["ApproximateReceiveCount"])["Messages"]

    assert answer["queues"]["retry"] == {"waiting": 1, "in_flight": 0, "delayed": 1, "mapping": "Disabled"}
    assert [one["Attributes"]["ApproximateReceiveCount"] for one in received] == ["1"]
    assert [line for line in answer["attention"] if "the retry queue" in line and "Disabled" in line]


def test_the_output_holds_neither_a_containers_environment_nor_the_webhook(operator, finished):
    operator.bury(finished(), ERROR_CODE="NO_PERMISSIONS")
    operator.bury(finished() | {"source": "aws.ec2"})
    operator.refuse(finished())
    shown = operator.run("status").output + operator.run("status", "--json").output

    assert "hunter2" not in shown
    assert urlsplit(operator.stack.sink.url).path not in shown


def test_a_hostile_dead_letter_neither_stops_the_command_nor_controls_the_terminal(operator, ticket):
    evil = "[red]x\x1b]0;owned\x07"
    hostile = ticket(died=1.0, reason=evil, notifier=evil, first_tried=1e300)
    hostile["message"]["job_name"] = evil
    operator.bury(hostile)
    operator.bury("[]", "7", '{"ticket": 1}', '{"ticket": 1, "message": 7, "first_tried": NaN}', "[" * 20_000)
    operator.bury({"unreadable": 1, "record": 7}, {"detail": 7}, {"detail": {"jobName": 7}}, {"unreadable": 1})
    result = operator.run("status")

    assert result.exit_code == 1
    assert "10 dead letters" in result.stdout
    assert "[red]x" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


@pytest.mark.parametrize("key", ["health", HEALTH_KEY])
def test_a_message_with_the_key_of_the_health_rows_is_not_taken_for_one(operator, ticket, name, key):
    odd = ticket()
    odd["message"] |= {"key": key, "title": f"{name} {key}"}
    operator.stack.cloud.client("sqs").send_message(
        QueueUrl=operator.stack.deployment.outputs["retry_queue_url"], MessageBody=json.dumps(odd)
    )
    operator.stack.wait_until(lambda: operator.stack.slack(name), "delivered")
    operator.stack.wait_until_idle()

    assert operator.answer("status")["notifiers"][0]["failing_since"] is None


@pytest.mark.parametrize("fields", [{}, {"since": {"N": "1"}}, {"since": {"S": "x"}, "reason": {"S": "x"}}])
def test_a_health_row_that_the_function_did_not_write_is_ignored(operator, fields):
    table, client = operator.stack.deployment.outputs["ledger_table_name"], operator.stack.cloud.client("dynamodb")
    row = {"message": {"S": HEALTH_KEY}, "notifier": {"S": "slack"}}
    client.put_item(TableName=table, Item=row | fields)
    try:
        assert operator.answer("status")["notifiers"][0]["failing_since"] is None
    finally:
        client.delete_item(TableName=table, Key=row)


def test_if_the_package_cannot_be_fetched_failing_notifiers_are_still_shown(operator, finished):
    operator.refuse(finished())
    found = status.find_status(dataclasses.replace(operator.deployed, package="http://127.0.0.1:1/signed"))

    assert [notifier.name for notifier in found.notifiers] == ["slack"]
    assert "could not be read" in found.notes[0]
    assert "signed" not in found.notes[0]


def test_a_stack_without_sweeps_says_nothing_of_them(operator):
    assert json.loads(operator.run("status", "--json").stdout)["sweeps"] is None
    assert "sweeps" not in operator.run("status").stdout


def test_up_to_when_the_sweeps_have_checked_each_queue_is_shown_and_that_they_fail(operator, monkeypatch):
    table, client = operator.stack.deployment.outputs["ledger_table_name"], operator.stack.cloud.client("dynamodb")
    queues = [f"arn:aws:batch:us-east-1:123456789012:job-queue/{name}" for name in ("swept", "late", "odd", "fresh")]
    manifest = operator.deployed.manifest | {"watch": {"queues": queues, "definitions": []}}
    monkeypatch.setattr(DeployedStack, "manifest", manifest)
    rows = [{"message": {"S": SWEEP_KEY}, "notifier": {"S": queue}} for queue in queues[:3]]
    checks = [{"N": str(time.time() - 4_200)}, {"N": str(time.time() - 8_000)}, {"S": "x"}]
    for row, checked in zip(rows, checks, strict=True):
        client.put_item(TableName=table, Item=row | {"checked": checked})
    try:
        answer = operator.answer("status", exit_code=1)
        shown = operator.run("status").stdout
    finally:
        for row in rows:
            client.delete_item(TableName=table, Key=row)

    sweeps = answer["sweeps"]
    assert [one["queue"] for one in sweeps] == queues
    assert abs(epoch(sweeps[0]["checked"]) - (time.time() - 4_200)) < 60
    assert [one["checked"] for one in sweeps[2:]] == [None, None]
    assert "sweeps of swept: every job that ended before " in shown and "(1 h ago) has its message" in shown
    assert "sweeps of fresh: none yet" in shown
    (failing,) = [one for one in answer["attention"] if "sweeps" in one]
    assert failing.startswith("sweeps of late fail since about ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--function", "nightly-dispatcher"), "there is no function nightly-dispatcher in us-east-1"),
        (("--function", "other"), "is not a batchbell function"),
        (("--function", "ruined"), "the stack's queue swept-away does not exist: `pulumi up --refresh`"),
        (("--function", "x", "--profile", "nobody"), "nobody"),
        ((), "--function"),
    ],
)
def test_a_failure_is_reported_on_one_line_with_exit_code_2(operator, other_functions, arguments, says):
    result = operator.run("status", *arguments, function=None)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def other_functions(print_color):
    """A function that is not batchbell's, and one whose retry queue was deleted."""
    client, outputs = print_color.cloud.client("lambda"), print_color.deployment.outputs
    ours = client.get_function(FunctionName=outputs["function_name"])["Configuration"]
    ruined = {
        **ours["Environment"]["Variables"],
        "BATCHBELL_RETRY_QUEUE_URL": outputs["retry_queue_url"].rpartition("/")[0] + "/swept-away",
    }
    package = b"PK\x05\x06" + bytes(18)  # an empty one
    for name, variables in {"other": {}, "ruined": ruined}.items():
        client.create_function(
            FunctionName=name,
            Runtime=ours["Runtime"],
            Role=ours["Role"],
            Handler="x.y",
            Code={"ZipFile": package},
            Environment={"Variables": variables},
        )


def test_a_missing_permission_is_named(operator, monkeypatch):
    iam = operator.stack.cloud.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    result = operator.run("status")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "lambda:GetFunction" in result.stderr
    assert "docs/permissions.md" in result.stderr


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """Run the Pulumi CLI in the folder of a program, which is the current one, with a backend of its own."""
    try:
        cli = find_pulumi()
    except NoPulumi as missing:
        if must_run():
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    for folder in ("bin", "backend", "program"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(cli)
    (tmp_path / "program" / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("PULUMI_BACKEND_URL", (tmp_path / "backend").as_uri())
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_SKIP_UPDATE_CHECK", "1")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.chdir(tmp_path / "program")

    def run(*arguments, given=None):
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            input=given,
            env={**os.environ, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    return run


@pytest.fixture
def stack_with(pulumi):
    """Make a stack with these outputs, one of them secret, as after a deploy."""

    def make(stack, **outputs):
        pulumi("stack", "init", stack)
        config = yaml.safe_load(Path(f"Pulumi.{stack}.yaml").read_text())
        secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}  # Pulumi's mark of a secret
        root = {
            "urn": f"urn:pulumi:{stack}::theirs::pulumi:pulumi:Stack::theirs-{stack}",
            "type": "pulumi:pulumi:Stack",
            "custom": False,
            "outputs": {**outputs, "hook": {**secret, "plaintext": json.dumps("hunter2")}},
        }
        provider = {"type": "passphrase", "state": {"salt": config["encryptionsalt"]}}
        deployment = {"manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": [root]}
        state = {"version": 3, "deployment": {**deployment, "secrets_providers": provider}}
        pulumi("stack", "import", "--stack", stack, given=json.dumps(state))

    return make


def test_a_pulumi_stack_is_found_in_its_own_region_without_its_passphrase_and_without_selecting_it(
    operator, pulumi, stack_with, monkeypatch
):
    outputs = operator.stack.deployment.outputs
    stack_with("dev", function_name=outputs["function_name"], rule_arn=outputs["rule_arn"])
    pulumi("stack", "init", "other")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    result = operator.run("status", "--json", "--stack", "dev", function=None)

    answer = json.loads(result.stdout)
    assert (answer["function"], answer["region"]) == (outputs["function_name"], "us-east-1")
    assert pulumi("stack", "--show-name").strip() == "other"


def test_an_unusable_pulumi_stack_is_reported_with_what_to_do(operator, stack_with, monkeypatch):
    stack_with("silent", rule_arn="arn:aws:events:us-east-1:123456789012:rule/x")
    silent = operator.run("status", "--stack", "silent", function=None)
    unknown = operator.run("status", "--stack", "unknown", function=None)
    monkeypatch.setenv("PATH", "/nowhere")
    missing = operator.run("status", "--stack", "silent", function=None)

    assert [one.exit_code for one in (silent, unknown, missing)] == [2, 2, 2]
    assert "has no output function_name" in silent.stderr
    assert "no stack named 'unknown' found" in unknown.stderr
    assert "not on PATH" in missing.stderr
    for one in (silent, unknown, missing):
        assert "use --function" in one.stderr
        assert len(one.stderr.strip().splitlines()) == 1
