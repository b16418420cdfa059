"""The function's log and metrics: JSON lines, and CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from batchbell.wire import METRIC_NAMESPACE, MISSED_EVENTS, OLDEST_UNDELIVERED, Variable

FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "batchbell")

# ASCII, since a job's name may hold characters that terminals interpret.
logger = Logger(
    service=os.environ.get(Variable.LOG_SERVICE, "batchbell"),
    json_serializer=partial(json.dumps, default=str, ensure_ascii=True),
)


def measure_notifier(name: str, counts: Mapping[str, int], seconds: Sequence[float]) -> None:
    """Write one notifier's messages by outcome, such as {"Sent": 3}, and how long each attempt took."""
    metrics = _metrics()
    metrics.add_dimension("notifier", name)
    for outcome, number in counts.items():
        metrics.add_metric(outcome, MetricUnit.Count, number)
    for taken in seconds:
        metrics.add_metric("SendTime", MetricUnit.Milliseconds, round(taken * 1000, 1))
    metrics.flush_metrics()


def measure_oldest(age: float) -> None:
    """Write the age in seconds, since its first attempt, of the oldest message that is not delivered yet."""
    metrics = _metrics()
    metrics.add_metric(OLDEST_UNDELIVERED, MetricUnit.Seconds, round(age, 1))
    metrics.flush_metrics()


def measure_missed(number: int) -> None:
    """Write how many outcomes a sweep found that no event had reported."""
    metrics = _metrics()
    metrics.add_metric(MISSED_EVENTS, MetricUnit.Count, number)
    metrics.flush_metrics()


def _metrics() -> EphemeralMetrics:
    """Powertools' `service` becomes the dimension METRIC_DIMENSION."""
    return EphemeralMetrics(namespace=METRIC_NAMESPACE, service=FUNCTION)
