"""The function's log and metrics: JSON lines, and CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "batchbell")
# The metrics' dimension `service`: two stacks of one account must not be taken for one.
FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "batchbell")

# ASCII, since a job's name may hold what no terminal shows as it is.
logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "batchbell"),
    json_serializer=partial(json.dumps, default=str, ensure_ascii=True),
)


def measure_notifier(name: str, counts: Mapping[str, int], seconds: Sequence[float]) -> None:
    """One notifier's messages by outcome, such as {"Sent": 3}, and how long each attempt took."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=FUNCTION)
    metrics.add_dimension("notifier", name)
    for outcome, number in counts.items():
        metrics.add_metric(outcome, MetricUnit.Count, number)
    for taken in seconds:
        metrics.add_metric("SendTime", MetricUnit.Milliseconds, round(taken * 1000, 1))
    metrics.flush_metrics()


def measure_oldest(age: float) -> None:
    """Seconds since the oldest message that is still not delivered was first tried."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=FUNCTION)
    metrics.add_metric("OldestUndelivered", MetricUnit.Seconds, round(age, 1))
    metrics.flush_metrics()
