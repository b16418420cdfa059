"""The function's log and metrics: JSON lines, and CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import os
from functools import partial

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "batchbell")

# ASCII, since a job's name may hold what no terminal shows as it is.
logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "batchbell"),
    json_serializer=partial(json.dumps, default=str, ensure_ascii=True),
)


def count(metric: str, notifier: str, value: int) -> None:
    """Add to a metric of one notifier, such as ("Sent", "ops", 3)."""
    with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as record:
        record.add_dimension(name="notifier", value=notifier)
