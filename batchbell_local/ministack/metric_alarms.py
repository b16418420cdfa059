"""Makes MiniStack's CloudWatch refuse alarms on metrics that AWS does not publish, in its process.

AWS accepts such an alarm, and it never goes off: names are case-sensitive, and a misspelt one is missing data.
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch

from batchbell_local.aws_metrics import metric_problem

Json = dict[str, Any]


def install() -> None:
    """Make this process's MiniStack refuse such alarms."""
    put = cloudwatch._put_metric_alarm

    def put_if_published(params: Json, body: Json, is_cbor: bool, is_json: bool = False) -> Any:
        namespace, metric, dimensions = _watched(params, body)
        problem = metric_problem(namespace, metric, dimensions) if metric else None
        if problem is None:
            return put(params, body, is_cbor, is_json)
        return cloudwatch._error("ValidationError", problem, 400, use_json=is_json, use_cbor=is_cbor)

    cloudwatch._put_metric_alarm = put_if_published


def _watched(params: Json, body: Json) -> tuple[str, str, list[str]]:
    """The namespace, the metric, and the dimensions' names: of a body in JSON or CBOR, or of a query's parameters."""
    if body:
        names = [one["Name"] for one in body.get("Dimensions") or ()]
        return body.get("Namespace") or "", body.get("MetricName") or "", names
    names = []
    while name := cloudwatch._p(params, f"Dimensions.member.{len(names) + 1}.Name"):
        names.append(name)
    return cloudwatch._p(params, "Namespace"), cloudwatch._p(params, "MetricName"), names
