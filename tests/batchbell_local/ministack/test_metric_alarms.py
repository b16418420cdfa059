"""CloudWatch alarms on metrics that AWS does not publish are refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchbell_local.cloud import LocalCloud


def put_alarm(cloud: LocalCloud, namespace: str, metric: str, **dimensions: str) -> Any:
    return cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=f"alarm-{uuid.uuid4().hex[:8]}",
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=0,
    )


@pytest.mark.parametrize(
    ("namespace", "metric", "dimensions", "problem"),
    [
        ("AWS/Events", "InvocationsFailedToBeSentToDLQ", {"RuleName": "r"}, "no metric AWS/Events Invocations.*ToDLQ"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"Queue": "q"}, r"with the dimensions \['QueueName'\]"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", {}, r"with the dimensions \['QueueName'\]"),
        ("AWS/Sqs", "ApproximateAgeOfOldestMessage", {"QueueName": "q"}, "no metrics of the namespace AWS/Sqs"),
    ],
)
def test_an_alarm_that_could_never_go_off_is_refused(cloud, namespace, metric, dimensions, problem):
    with pytest.raises(ClientError, match=problem):
        put_alarm(cloud, namespace, metric, **dimensions)


def test_an_alarm_on_a_metric_that_aws_or_the_program_publishes_is_taken(cloud):
    put_alarm(cloud, "AWS/Events", "InvocationsFailedToBeSentToDlq", RuleName="r")
    put_alarm(cloud, "batchbell", "Anything", service="f")
