"""Takes from queues the permission of EventBridge for a moment, and reads which metrics of the rule move."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from .account import Account
from .step import Deadline

NAMESPACE = "AWS/Events"
# EventBridge User Guide, "Monitoring Amazon EventBridge", and spellings that others use.
METRICS = (
    "MatchedEvents",
    "TriggeredRules",
    "Invocations",
    "InvocationAttempts",
    "SuccessfulInvocationAttempts",
    "RetryInvocationAttempts",
    "FailedInvocations",
    "ThrottledRules",
    "InvocationsSentToDlq",
    "InvocationsFailedToBeSentToDlq",
    "InvocationsSentToDLQ",
    "InvocationsFailedToBeSentToDLQ",
)


@contextlib.contextmanager
def without_permission(sqs: Any, queue_urls: Sequence[str]) -> Iterator[None]:
    """Only the policies' Deny statements apply within the block; then they are restored, whatever happens in it."""
    policies = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        for url in queue_urls
    }
    try:
        for url, policy in policies.items():
            document = json.loads(policy)
            document["Statement"] = [one for one in document["Statement"] if one["Effect"] == "Deny"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document)})
        yield
    finally:
        for url, policy in policies.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def sums(account: Account, rule: str, since: datetime) -> dict[str, float]:
    """The sums of a rule's metrics since then; a metric without data is left out."""
    cloudwatch, found = account.client("cloudwatch"), {}
    for metric in METRICS:
        points = cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=[{"Name": "RuleName", "Value": rule}],
            StartTime=since.replace(second=0, microsecond=0),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        if points:
            found[metric] = sum(point["Sum"] for point in points)
    return found


def wait_for_metric(
    account: Account, rule: str, metric: str, since: datetime, deadline: Deadline, *, at_most: float, every: float
) -> dict[str, Any]:
    """Wait until the expected metric has moved, or for at most so many seconds; return what all of them show.

    That it does not move is a finding, and no failure.
    """
    end = datetime.now(UTC) + timedelta(seconds=at_most)
    while not (found := sums(account, rule, since)).get(metric) and datetime.now(UTC) < end:
        deadline.sleep(every)
    return {"expected": metric, "moved": bool(found.get(metric)), "sums": found, "listed": _listed(account, rule)}


def _listed(account: Account, rule: str) -> list[str]:
    """All metrics that CloudWatch lists for the rule, with their dimensions: it may have others than METRICS."""
    dimensions = [{"Name": "RuleName", "Value": rule}]
    metrics = account.client("cloudwatch").list_metrics(Namespace=NAMESPACE, Dimensions=dimensions)["Metrics"]
    return sorted(f"{one['MetricName']} by {'+'.join(part['Name'] for part in one['Dimensions'])}" for one in metrics)


def alarm_states(account: Account, prefix: str) -> dict[str, str]:
    """The state of each of the stack's alarms."""
    pages = account.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    return {one["AlarmName"]: one["StateValue"] for page in pages for one in page["MetricAlarms"]}
