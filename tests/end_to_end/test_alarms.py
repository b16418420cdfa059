"""Alarms: they watch metrics that exist and are reported, and the commands in their texts work as written."""

from __future__ import annotations

import json
import re
import shlex
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from batchbell.cli import app
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.timing import REFERENCE_TIMEOUT
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import DeploymentFailed
from tests.end_to_end.inspected_stacks import BATCH_ARN, InspectedStack
from tests.end_to_end.stack import TIMEOUT, deploy


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
    name = re.compile(r"(print-color|production|every-option)-bell-(?P<purpose>.+)-[0-9a-f]{7}")
    matches = [(name.fullmatch(one["AlarmName"]), one) for one in found]
    return StackAlarms(stack, {match["purpose"]: one for match, one in matches if match})


@pytest.fixture(scope="module")
def alarmed(inspected):
    """The alarms of a stack that sends them to a topic."""
    return find_alarms(inspected("every-option"))


def queue_name(stack, purpose):
    return stack.queue_arn(purpose).rpartition(":")[2]


def test_each_silent_failure_has_an_alarm(alarmed):
    stack, function = alarmed.stack, alarmed.stack.outputs["function_name"]
    rules = stack.ids("aws:cloudwatch/eventRule:EventRule")
    (sweep,) = (rule for rule in rules if "-sweep-" in rule)

    assert {name: alarmed.metric(name) for name in alarmed.alarms} == {
        "dead-letters": (
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": queue_name(stack, "dead_letter")},
        ),
        "late": ("batchbell", "Late", {"service": function}),
        "backlog": ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue_name(stack, "intake")}),
        "retry-backlog": ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue_name(stack, "retry")}),
        "errors": ("AWS/Lambda", "Errors", {"FunctionName": function}),
        "finished-lost": (
            "AWS/Events",
            "InvocationsFailedToBeSentToDlq",
            {"RuleName": stack.outputs["rule_arn"].rpartition("/")[2]},
        ),
        "sweep-lost": ("AWS/Events", "InvocationsFailedToBeSentToDlq", {"RuleName": sweep}),
    }
    lost = [alarmed.metric(name)[2]["RuleName"] for name in alarmed.alarms if name.endswith("-lost")]
    assert sorted(lost) == sorted(rules)


def test_an_alarm_goes_off_at_once_above_its_threshold_and_never_for_missing_data(alarmed):
    limits = {name: (one["Statistic"], one["Period"], one["Threshold"]) for name, one in alarmed.alarms.items()}

    assert limits == {
        "dead-letters": ("Maximum", 60, 0),
        "late": ("Sum", 1_200, 0),
        "backlog": ("Maximum", 300, 900),
        "retry-backlog": ("Maximum", 300, 1_800),
        "errors": ("Sum", 60, 0),
        "finished-lost": ("Sum", 60, 0),
        "sweep-lost": ("Sum", 60, 0),
    }
    for one in alarmed.alarms.values():
        assert (one["ComparisonOperator"], one["EvaluationPeriods"]) == ("GreaterThanThreshold", 1)
        assert one["TreatMissingData"] == "notBreaching"


def test_an_alarms_text_arrives_at_the_topic_and_its_commands_work_as_written(
    alarmed, shared_cloud, resources, monkeypatch
):
    on_call = CollectingQueue.of_topic(shared_cloud, "on-call", resources.alarm_topic)
    for one in alarmed.alarms.values():
        shared_cloud.client("cloudwatch").set_alarm_state(
            AlarmName=one["AlarmName"], StateValue="ALARM", StateReason="test"
        )
    texts = [json.loads(json.loads(body)["Message"])["AlarmDescription"] for body in on_call.bodies()]
    commands = {command for text in texts for command in re.findall(r"`(python [^`]+)`", text)}
    function = alarmed.stack.outputs["function_name"]

    assert len(texts) == len(alarmed.alarms)
    assert all("`" in text and len(text) <= 1_024 for text in texts)
    assert commands == {f"python -m batchbell {name} --function {function}" for name in ("status", "redrive")}
    for variable, value in shared_cloud.environment().items():
        monkeypatch.setenv(variable, value)
    for command in commands:
        run = CliRunner().invoke(app, shlex.split(command.removeprefix("python -m batchbell ")))
        assert run.exit_code in (0, 1), run.output  # 2: AWS could not be asked


def test_without_a_topic_alarms_exist_without_actions(inspected):
    alarms = find_alarms(inspected("production")).alarms

    assert len(alarms) == 6
    assert [one["AlarmActions"] for one in alarms.values()] == [[]] * 6


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


@pytest.fixture
def watched(print_color):
    """The values that the function reports of the metric that an alarm watches, and that alarm."""
    alarms = find_alarms(InspectedStack(print_color.cloud, print_color.deployment, {}, []))
    namespace, metric, dimensions = alarms.metric("late")

    def values():
        return metrics(print_color.log()).get((namespace, metric, json.dumps(dimensions)), [])

    return values, alarms.alarms["late"]


def post_ticket(print_color, event, age, **detail):
    """Put a ticket into the retry queue as the function does, of a message that was first tried `age` seconds ago."""
    message = compose(Job.from_event(event("parent-succeeded", **detail)), Failures())
    ticket = Ticket(message, "slack", "busy", time.time() - age)
    print_color.cloud.client("sqs").send_message(
        QueueUrl=print_color.deployment.outputs["retry_queue_url"], MessageBody=ticket.to_body()
    )


def test_the_function_reports_a_message_that_stays_undelivered_for_too_long_to_an_alarm(
    print_color, event, name, watched
):
    values, alarm = watched
    limit = 1_800 * TIMEOUT / REFERENCE_TIMEOUT
    print_color.sink.stop_listening()
    try:
        for number, age in enumerate((limit / 2, limit + 1)):
            job = {
                "jobName": f"{name}-{number}",
                "jobId": str(uuid.uuid4()),
                "jobArn": f"{BATCH_ARN}:job/{uuid.uuid4()}",
            }
            post_ticket(print_color, event, age, **job)
            print_color.wait_until(
                lambda job=job: any(job["jobArn"] in line for line in print_color.log().splitlines()), "tried"
            )
            assert len(values()) == number
    finally:
        print_color.sink.listen()
    print_color.wait_until_idle()

    assert max(values()) > alarm["Threshold"]
    assert values().count(1.0) == len(values())  # the other message is not late


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


def test_alarms_go_to_a_topic_of_the_program_and_a_topic_in_another_region_is_refused_once_known(shared_cloud, program):
    deployment = deploy(shared_cloud.environment(), program(OUTPUT), "dev")
    names = [one.id for one in deployment.resources if one.type.endswith(":MetricAlarm")]
    alarms = shared_cloud.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]

    assert [one["AlarmActions"] for one in alarms] == [[deployment.outputs["topic"]]] * 6
    elsewhere = OUTPUT.replace("=topic.arn", '=topic.arn.apply(lambda arn: arn.replace("us-east-1", "eu-west-1"))')
    with pytest.raises(DeploymentFailed, match="alarm_topic_arn: takes the ARN of a standard SNS topic in the stack's"):
        deploy(shared_cloud.environment(), program(elsewhere), "elsewhere")
