"""The function's log and metrics: JSON lines, and CloudWatch's embedded metric format."""

from __future__ import annotations

import os

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "batchbell")

logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "batchbell"))


def count(metric: str, notifier: str, value: int) -> None:
    """Add to a metric of one notifier, such as ("Sent", "ops", 3)."""
    with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as record:
        record.add_dimension(name="notifier", value=notifier)
