"""Every alarm watches a metric that is published: by AWS's own list, or by what the function's telemetry writes."""

from __future__ import annotations

import dataclasses
import json

import pytest

from batchbell.dispatcher import telemetry
from batchbell_local.aws_metrics import OF_AWS, metric_problem
from tests.judges.registered import Recording, Registered
from tests.judges.stacks import STACKS

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
# What a dimension names: the resource type whose names are its values.
NAMED = {
    "FunctionName": "aws:lambda/function:Function",
    "QueueName": "aws:sqs/queue:Queue",
    "RuleName": "aws:cloudwatch/eventRule:EventRule",
}


@pytest.fixture
def embedded(monkeypatch, capsys):
    """Returns the metrics that a function writes: (namespace, metric) → its sets of dimensions, with values."""

    def write(function: str) -> dict[tuple[str, str], list[dict[str, str]]]:
        monkeypatch.setattr(telemetry, "FUNCTION", function)
        capsys.readouterr()
        telemetry.measure_oldest(60)
        telemetry.measure_notifier("ops", {"Sent": 1}, [0.1])
        telemetry.measure_late(1)
        found: dict[tuple[str, str], list[dict[str, str]]] = {}
        for record in map(json.loads, capsys.readouterr().out.splitlines()):
            for directive in record.get("_aws", {}).get("CloudWatchMetrics", ()):
                sets = [{name: record[name] for name in names} for names in directive["Dimensions"]]
                for metric in directive["Metrics"]:
                    found.setdefault((directive["Namespace"], metric["Name"]), []).extend(sets)
        return found

    return write


def problems(alarm: Registered, recording: Recording, embedded) -> list[str]:
    """What is wrong with the metric that an alarm watches."""
    namespace, metric = alarm.inputs["namespace"], alarm.inputs["metricName"]
    dimensions = alarm.inputs["dimensions"]
    if not namespace.startswith(OF_AWS):
        (function,) = recording.of_type(NAMED["FunctionName"])
        written = embedded(function.outputs["name"])
        return [] if dimensions in written.get((namespace, metric), ()) else [f"{namespace} {metric}: {written}"]
    unpublished = metric_problem(namespace, metric, dimensions)
    unnamed = [
        f"{dimension}={value} is none of the program's"
        for dimension, value in dimensions.items()
        if dimension in NAMED and value not in [one.outputs["name"] for one in recording.of_type(NAMED[dimension])]
    ]
    return [*([unpublished] if unpublished else []), *unnamed]


def test_every_alarm_watches_a_metric_that_is_published(embedded):
    judged = [
        (alarm, problems(alarm, recording, embedded))
        for recording in (stack.record() for stack in STACKS.values())
        for alarm in recording.of_type(ALARM)
    ]
    metrics = {(alarm.inputs["namespace"], alarm.inputs["metricName"]) for alarm, _ in judged}
    print(f"{len(judged)} alarms judged, on {len(metrics)} metrics")

    assert [(alarm.name, wrong) for alarm, wrong in judged if wrong] == []
    assert len(judged) >= 6 * len(STACKS)
    assert {namespace for namespace, _ in metrics} == {"AWS/Events", "AWS/Lambda", "AWS/SQS", "batchbell"}


@pytest.mark.parametrize(
    ("alarm", "changed", "problem"),
    [
        ("bell-finished-lost", {"metricName": "InvocationsFailedToBeSentToDLQ"}, "AWS publishes no metric"),
        ("bell-backlog", {"dimensions": {"Queue": "q"}}, "with the dimensions"),
        ("bell-backlog", {"dimensions": {"QueueName": "arn:aws:sqs:q"}}, "is none of the program's"),
        ("bell-errors", {"namespace": "AWS/lambda"}, "no metrics of the namespace"),
        ("bell-late", {"metricName": "Later"}, "batchbell Later"),
        ("bell-late", {"dimensions": {"service": "another"}}, "batchbell Late"),
    ],
)
def test_a_metric_that_nobody_publishes_is_found(embedded, alarm, changed, problem):
    recording = STACKS["existing-aws"].record()
    (found,) = [one for one in recording.of_type(ALARM) if one.name == alarm]
    planted = dataclasses.replace(found, inputs={**found.inputs, **changed})

    assert problems(found, recording, embedded) == []
    assert len(problems(planted, recording, embedded)) == 1 and problem in problems(planted, recording, embedded)[0]


def test_a_stack_has_one_metric_of_its_own_however_many_notifiers_it_has(embedded):
    written = embedded("function")

    assert list(written) == [("batchbell", "Late")]
    assert written["batchbell", "Late"] == [{"service": "function"}]
