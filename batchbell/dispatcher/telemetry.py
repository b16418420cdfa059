"""The function's log, as JSON lines, and its one metric, in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial

from aws_lambda_powertools import Logger

from batchbell.wire import LATE, METRIC_NAMESPACE, OLDEST_UNDELIVERED, Variable

FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "batchbell")

# ASCII, since a job's name may hold characters that terminals interpret.
logger = Logger(
    service=os.environ.get(Variable.LOG_SERVICE, "batchbell"),
    json_serializer=partial(json.dumps, default=str, ensure_ascii=True),
)


def measure_notifier(name: str, counts: Mapping[str, int], seconds: Sequence[float]) -> None:
    """Log one notifier's messages by outcome, such as {"Sent": 3}, and how long its attempts took.

    Not as metrics: CloudWatch bills $0.30 a month for each notifier and name, and Logs Insights reads this too.
    """
    logger.info(
        "sends",
        notifier=name,
        outcomes=dict(counts),
        attempts=len(seconds),
        seconds=round(sum(seconds), 3),
        slowest=round(max(seconds, default=0.0), 3),
    )


def measure_oldest(age: float) -> None:
    """Log the age in seconds, since its first attempt, of the oldest message that is not delivered yet."""
    logger.info("undelivered", extra={OLDEST_UNDELIVERED: round(age, 1)})


def measure_late(number: int) -> None:
    """Write the metric: how many messages and records are late. An alarm goes off above 0."""
    # Most processes never need this, and a cold start without it is shorter.
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace=METRIC_NAMESPACE, service=FUNCTION)  # the dimension METRIC_DIMENSION
    metrics.add_metric(LATE, MetricUnit.Count, number)
    metrics.flush_metrics()
