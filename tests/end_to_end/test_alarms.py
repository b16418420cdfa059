"""Alarms: they watch metrics that exist and are reported, and the commands in their texts work as written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell_local.deployment import DeploymentFailed, deploy
from tests.end_to_end.inspected_stacks import BATCH_ARN, STACKS, InspectedStack, arn, make_account_resources


@dataclass(frozen=True)
class StackAlarms:
    """A stack and its alarms, by their names in the stack: "backlog"."""

    stack: InspectedStack
    alarms: dict[str, dict[str, Any]]

    def metric(self, name: str) -> tuple[str, str, dict[str, str]]:
        alarm = self.alarms[name]
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        return alarm["Namespace"], alarm["MetricName"], dimensions


def find_alarms(stack: InspectedStack) -> StackAlarms:
    names = stack.ids("aws:cloudwatch/metricAlarm:MetricAlarm")
    found = stack.cloud.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    name = re.compile(r"(print-color|production|every-option)-(?P<purpose>.+)-[0-9a-f]{7}")
    matches = [(name.fullmatch(one["AlarmName"]), one) for one in found]
    return StackAlarms(stack, {match["purpose"]: one for match, one in matches if match})


@pytest.fixture(scope="module")
def resources(own_cloud, sink):
    return make_account_resources(own_cloud, sink.url)


@pytest.fixture(scope="module")
def alarmed(own_cloud, project, sink, resources):
    """The alarms of a stack that sends them to a topic."""
    return find_alarms(STACKS["every-option"](own_cloud, project, sink, resources))


def queue_name(stack, purpose):
    return stack.queue_arn(purpose).rpartition(":")[2]


def test_each_silent_failure_has_an_alarm(alarmed):
    stack, function = alarmed.stack, alarmed.stack.outputs["function_name"]
    (blocked,) = (rule for rule in stack.ids("aws:cloudwatch/eventRule:EventRule") if "-blocked-" in rule)

    assert {name: alarmed.metric(name) for name in alarmed.alarms} == {
        "dead-letters": (
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": queue_name(stack, "dead_letter")},
        ),
        "oldest-undelivered": ("batchbell", "OldestUndelivered", {"service": function}),
        "backlog": ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue_name(stack, "intake")}),
        "retry-backlog": ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue_name(stack, "retry")}),
        "errors": ("AWS/Lambda", "Errors", {"FunctionName": function}),
        "throttles": ("AWS/Lambda", "Throttles", {"FunctionName": function}),
        "finished-lost": (
            "AWS/Events",
            "InvocationsFailedToBeSentToDLQ",
            {"RuleName": stack.outputs["rule_arn"].rpartition("/")[2]},
        ),
        "blocked-lost": ("AWS/Events", "InvocationsFailedToBeSentToDLQ", {"RuleName": blocked}),
    }


def test_an_alarm_goes_off_at_once_above_its_threshold_and_never_for_missing_data(alarmed):
    limits = {name: (one["Statistic"], one["Period"], one["Threshold"]) for name, one in alarmed.alarms.items()}

    assert limits == {
        "dead-letters": ("Maximum", 60, 0),
        "oldest-undelivered": ("Maximum", 1_200, 1_800),
        "backlog": ("Maximum", 300, 900),
        "retry-backlog": ("Maximum", 300, 1_800),
        "errors": ("Sum", 60, 0),
        "throttles": ("Sum", 60, 0),
        "finished-lost": ("Sum", 60, 0),
        "blocked-lost": ("Sum", 60, 0),
    }
    for one in alarmed.alarms.values():
        assert (one["ComparisonOperator"], one["EvaluationPeriods"]) == ("GreaterThanThreshold", 1)
        assert one["TreatMissingData"] == "notBreaching"


def test_an_alarms_text_arrives_at_the_topic_and_its_commands_work_as_written(alarmed, own_cloud, resources, project):
    client = own_cloud.client
    client("sns").subscribe(TopicArn=resources.alarm_topic, Protocol="sqs", Endpoint=arn("sqs", resources.name))
    for one in alarmed.alarms.values():
        client("cloudwatch").set_alarm_state(AlarmName=one["AlarmName"], StateValue="ALARM", StateReason="test")
    texts = []
    while (
        messages := client("sqs").receive_message(QueueUrl=resources.queue_url, MaxNumberOfMessages=10).get("Messages")
    ):
        for message in messages:
            texts.append(json.loads(json.loads(message["Body"])["Message"])["AlarmDescription"])
            client("sqs").delete_message(QueueUrl=resources.queue_url, ReceiptHandle=message["ReceiptHandle"])
    commands = {command for text in texts for command in re.findall(r"`(python [^`]+)`", text)}
    function = alarmed.stack.outputs["function_name"]

    assert len(texts) == len(alarmed.alarms)
    assert all("`" in text and len(text) <= 1_024 for text in texts)
    assert commands == {f"python -m batchbell {name} --function {function}" for name in ("status", "redrive")}
    for command in commands:
        run = subprocess.run(
            [sys.executable, *shlex.split(command)[1:]],
            cwd=project,
            env=own_cloud.environment(),
            capture_output=True,
            text=True,
        )
        assert run.returncode in (0, 1), run.stderr  # 2: AWS could not be asked


def test_without_a_topic_alarms_exist_without_actions(own_cloud, project, sink, resources):
    alarms = find_alarms(STACKS["production"](own_cloud, project, sink, resources)).alarms

    assert len(alarms) == 8
    assert [one["AlarmActions"] for one in alarms.values()] == [[]] * 8


def metrics(log):
    """Read the metrics that the function reports in its log: (namespace, metric, dimensions) → values."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for line in log.splitlines():
        embedded = json.loads(line) if line.startswith("{") else {}
        for directive in embedded.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = json.dumps({name: embedded[name] for name in sorted(names)})
                for metric in directive["Metrics"]:
                    values = embedded[metric["Name"]]
                    key = directive["Namespace"], metric["Name"], dimensions
                    found.setdefault(key, []).extend(values if isinstance(values, list) else [values])
    return found


def test_the_function_reports_the_metric_that_the_alarm_on_undelivered_messages_watches(print_color, event, name):
    deployed = InspectedStack(print_color.cloud, print_color.deployment, {}, [])
    alarm = find_alarms(deployed)
    namespace, metric, dimensions = alarm.metric("oldest-undelivered")
    where = namespace, metric, json.dumps(dimensions)
    job = {"jobName": name, "jobId": str(uuid.uuid4()), "jobArn": f"{BATCH_ARN}:job/{uuid.uuid4()}"}
    print_color.sink.stop_listening()
    try:
        print_color.send(event("parent-succeeded", **job))
        print_color.wait_until(lambda: len(metrics(print_color.log()).get(where, ())) >= 2, "reported", timeout=30)
    finally:
        print_color.sink.listen()
    print_color.wait_until_idle()
    ages = metrics(print_color.log())[where]

    assert ages == sorted(ages) and ages[-1] > ages[0]
    # The function gives up after a fifth of the usual time, so half an hour would never be reached.
    assert alarm.alarms["oldest-undelivered"]["Threshold"] == 360


OUTPUT = """
    import pulumi
    import pulumi_aws as aws
    from components import ArrayJobNotifier, ArrayJobNotifierArgs

    topic = aws.sns.Topic("on-call")
    notifier = ArrayJobNotifier("theirs", ArrayJobNotifierArgs(
        job_queue_arns=["arn:aws:batch:us-east-1:123456789012:job-queue/nightly"],
        notifiers=[{"type": "email", "name": "t", "sender": "batch@example.com", "recipients": ["x@example.com"]}],
        alarm_topic_arn=topic.arn,
    ))
    pulumi.export("topic", topic.arn)
"""


def test_alarms_go_to_a_topic_of_the_program_and_a_topic_in_another_region_is_refused_once_known(own_cloud, program):
    deployment = deploy(own_cloud.environment(), program(OUTPUT), "dev")
    names = [one.id for one in deployment.resources if one.type.endswith(":MetricAlarm")]
    alarms = own_cloud.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]

    assert [one["AlarmActions"] for one in alarms] == [[deployment.outputs["topic"]]] * 8
    elsewhere = OUTPUT.replace("=topic.arn", '=topic.arn.apply(lambda arn: arn.replace("us-east-1", "eu-west-1"))')
    with pytest.raises(DeploymentFailed, match="alarm_topic_arn: takes the ARN of a standard SNS topic in the stack's"):
        deploy(own_cloud.environment(), program(elsewhere), "elsewhere")
