"""The metrics that AWS publishes in the namespaces of aws_metrics.json, which says where the list is from."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("aws_metrics.json")
OF_AWS = "AWS/"  # no metric of one's own may be in such a namespace (CloudWatch API reference, PutMetricData)

# Namespace → metric → the sets of dimensions with which it is published.
Metrics = Mapping[str, Mapping[str, list[list[str]]]]


@cache
def published_metrics() -> Metrics:
    metrics: Metrics = json.loads(FILE.read_text("utf-8"))["metrics"]
    return metrics


def metric_problem(namespace: str, metric: str, dimensions: Collection[str]) -> str | None:
    """Why AWS publishes no such metric, or None if it does, or if the namespace is not AWS's own.

    `dimensions`: their names
    """
    if not namespace.startswith(OF_AWS):
        return None
    metrics = published_metrics().get(namespace)
    if metrics is None:
        return f"{FILE.name} has no metrics of the namespace {namespace}"
    if metric not in metrics:
        return f"AWS publishes no metric {namespace} {metric}, but {', '.join(metrics)}"
    if sorted(dimensions) not in metrics[metric]:
        known = " or ".join(str(names) for names in metrics[metric])
        return f"AWS publishes {namespace} {metric} with the dimensions {known}, not {sorted(dimensions)}"
    return None
