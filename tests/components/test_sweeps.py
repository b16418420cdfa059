"""The schedule of the sweeps: only in a stack that asks for it, with exactly the rights that it needs."""

from __future__ import annotations

import json

import pytest

from batchbell.cli.events.pattern_matching import split_pattern
from batchbell.provisioning import Grants
from notifiers.slack import infrastructure as slack
from tests.judges.registered import record

RULE, TARGET = "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"
FUNCTION, ALARM = "aws:lambda/function:Function", "aws:cloudwatch/metricAlarm:MetricAlarm"
POLICY, QUEUE_POLICY = "aws:iam/rolePolicy:RolePolicy", "aws:sqs/queuePolicy:QueuePolicy"
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
DEFINITION = "arn:aws:batch:us-east-1:123456789012:job-definition/render"
CONFIG = {
    "job_queue_arns": [QUEUE],
    "job_definition_arns": [DEFINITION],
    "notifiers": [{"type": "slack", "name": "ops", "webhook": {"config": "slackWebhook"}}],
}
WARNINGS = {
    "early_failures": {"percent": 20, "at_least": 5},
    "overdue_after": [{"jobs": "nightly-*", "minutes": 480}, {"minutes": 600}],
    "stalled_after": 60,
}


def inputs(**further):
    return {(one.type_token, one.name): one.inputs for one in record(CONFIG | further).resources}


def manifest(recording):
    (function,) = recording.of_type(FUNCTION)
    return json.loads(function.inputs["code"]["assets"]["manifest.json"]["text"])


def allowed(recording):
    (policy,) = recording.of_type(POLICY)
    return [(one["Action"], one["Resource"]) for one in json.loads(policy.inputs["policy"])["Statement"]]


@pytest.fixture(scope="module")
def watching():
    return record(CONFIG | {"watch_every": 1, **WARNINGS})


@pytest.mark.parametrize(
    ("asked", "expression"),
    [
        ({"watch_every": 1}, "rate(1 minute)"),
        ({"watch_every": 15}, "rate(15 minutes)"),
        *(({setting: value}, "rate(5 minutes)") for setting, value in WARNINGS.items()),
        ({"watch_every": 2, **WARNINGS}, "rate(2 minutes)"),
    ],
)
def test_each_setting_that_needs_sweeps_makes_a_schedule(asked, expression):
    assert inputs(**asked)[RULE, "bell-sweep"]["scheduleExpression"] == expression


def test_the_schedule_puts_a_record_into_the_intake_queue(watching):
    (target,) = [one for one in watching.of_type(TARGET) if one.name == "bell-sweep"]
    (other,) = [one for one in watching.of_type(TARGET) if one is not target]
    (rule,) = [one for one in watching.of_type(RULE) if one.name == "bell-sweep"]

    assert json.loads(target.inputs["input"]) == {"sweep": 1}
    assert target.inputs["rule"] == rule.outputs["name"]
    for name in ("arn", "deadLetterConfig"):
        assert target.inputs[name] == other.inputs[name]
    assert "eventPattern" not in rule.inputs


def test_the_schedule_may_send_to_the_queues_and_has_an_alarm_as_the_other_rule_does(watching):
    rules = {one.outputs["arn"] for one in watching.of_type(RULE)}
    senders = [
        set(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for one in watching.of_type(QUEUE_POLICY)
        for statement in json.loads(one.inputs["policy"])["Statement"]
        if statement["Effect"] == "Allow"
    ]
    (alarm,) = [one for one in watching.of_type(ALARM) if one.name == "bell-sweep-lost"]
    (rule,) = [one for one in watching.of_type(RULE) if one.name == "bell-sweep"]

    assert len(rules) == 2
    assert senders == [rules, rules]
    assert alarm.inputs["dimensions"] == {"RuleName": rule.outputs["name"]}
    assert "nothing looks at the array jobs that run" in alarm.inputs["alarmDescription"]


def test_the_function_learns_what_to_look_at_and_what_to_warn_of(watching):
    assert manifest(watching)["watch"] == {
        "queues": [QUEUE],
        "definitions": [DEFINITION],
        "statuses": ["SUCCEEDED", "FAILED"],
        "early_failures": {"percent": 20, "at_least": 5},
        "overdue_after": [{"jobs": "nightly-*", "minutes": 480}, {"jobs": "*", "minutes": 600}],
        "stalled_after": 60,
    }


def test_the_environments_own_queue_is_looked_at_too():
    recording = record({"environment_name": "nightly", "watch_every": 5, "notifiers": CONFIG["notifiers"]})
    (queue,) = recording.of_type("aws:batch/jobQueue:JobQueue")

    assert manifest(recording)["watch"] == {
        "queues": [queue.outputs["arn"]],
        "definitions": [],
        "statuses": ["SUCCEEDED", "FAILED"],
    }


def test_the_function_gets_exactly_the_rights_of_sweeps(watching):
    (ledger,) = watching.of_type("aws:dynamodb/table:Table")
    before = allowed(record(CONFIG))

    assert [one for one in allowed(watching) if one not in before] == [
        (["dynamodb:GetItem", "dynamodb:BatchGetItem"], [ledger.outputs["arn"]]),
        (["batch:DescribeJobQueues", "batch:DescribeComputeEnvironments"], ["*"]),
    ]
    assert [one for one in before if one not in allowed(watching)] == []


def test_a_stack_that_asks_for_none_of_it_has_none_of_it():
    without = inputs()
    with_sweeps = inputs(watch_every=5)
    added = with_sweeps.keys() - without.keys()
    changed = {key for key in without if without[key] != with_sweeps[key]}

    assert without.keys() - with_sweeps.keys() == set()
    assert added == {(RULE, "bell-sweep"), (TARGET, "bell-sweep"), (ALARM, "bell-sweep-lost")}
    assert {name for token, name in changed if token == QUEUE_POLICY} == {"bell-intake", "bell-dead-letters"}
    assert {token for token, _ in changed} == {QUEUE_POLICY, POLICY, FUNCTION}
    assert not {"watch", "progress"} & set(manifest(record(CONFIG)))


def test_a_notifier_with_live_messages_needs_sweeps_by_itself(monkeypatch):
    provision = slack.provision
    monkeypatch.setattr(
        slack, "provision", lambda *args, **named: Grants(secrets=provision(*args, **named).secrets, progress=True)
    )
    recording = record(CONFIG | {"statuses": ["FAILED"]}, stack="live")
    (schedule,) = [one for one in recording.of_type(RULE) if one.name == "bell-sweep"]

    assert schedule.inputs["scheduleExpression"] == "rate(5 minutes)"
    assert manifest(recording)["instances"][0]["progress"] is True
    assert manifest(recording)["watch"]["queues"] == [QUEUE]
    # A live message also ends with a job that succeeded, of which nobody gets a message.
    (rule,) = [one for one in recording.of_type(RULE) if one.name == "bell-finished"]
    finished, _ = split_pattern(json.loads(rule.inputs["eventPattern"]))
    assert finished["detail"]["status"] == ["FAILED", "SUCCEEDED"]
    assert "FAILED" in manifest(recording)["instances"][0]["statuses"]
    assert "SUCCEEDED" not in manifest(recording)["instances"][0]["statuses"]
