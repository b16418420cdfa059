"""CloudWatch: MetricAlarm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import camel, echo, pascal, pascal_names, renamed
from .clients import Clients
from .errors import CheckFailure
from .input_rules import arn, at_least, no_longer_than, no_more_than, one_of, satisfies
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag, tag_list, with_tags

API_NAMES = pascal_names(
    "comparisonOperator evaluationPeriods metricName namespace period statistic extendedStatistic threshold "
    "thresholdMetricId actionsEnabled alarmActions insufficientDataActions alarmDescription datapointsToAlarm "
    "treatMissingData unit",
    name="AlarmName",
    okActions="OKActions",
    evaluateLowSampleCountPercentiles="EvaluateLowSampleCountPercentile",
)
ACTIONS = ("alarmActions", "okActions", "insufficientDataActions")
CLASSIC = ("metricName", "namespace", "period", "statistic", "extendedStatistic", "dimensions")
OPERATORS = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)


class MetricAlarm(ResourceType):
    """Its id is its name; PutMetricAlarm overwrites one of the same name. Provider: cloudwatch/metric_alarm.go."""

    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    defaults: ClassVar[Mapping[str, Any]] = {"actionsEnabled": True, "treatMissingData": "missing"}
    conflicts = (
        ("threshold", "thresholdMetricId"),
        ("statistic", "extendedStatistic"),
        *((name, "metricQueries") for name in CLASSIC),
    )
    rules = (
        no_longer_than("name", 255),
        one_of("comparisonOperator", *OPERATORS),
        one_of("statistic", "SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        one_of("treatMissingData", "missing", "ignore", "breaching", "notBreaching"),
        at_least("evaluationPeriods", 1),
        at_least("datapointsToAlarm", 1),
        satisfies("period", lambda value: value in (10, 20, 30) or value % 60 == 0, "10, 20, 30 or a multiple of 60"),
        *(no_more_than(name, 5) for name in ACTIONS),
        *(arn(f"{name}[]") for name in ACTIONS),
        no_longer_than("alarmDescription", 1_024),
    )
    replaces = frozenset({"name"})

    def same(self, name: str, old: Any, new: Any) -> bool:
        """Actions are compared without order, and an empty list equals a missing one."""
        if name in ACTIONS and all(isinstance(value, list | None) for value in (old, new)):
            return sorted(old or ()) == sorted(new or ())
        return super().same(name, old, new)

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        """The inputs that PutMetricAlarm requires; the SDK's types require none."""
        classic = inputs.get("metricName") is not None
        if not classic and inputs.get("metricQueries") is None:
            yield CheckFailure("metricName", "is required unless metricQueries is set")
        for name in ("comparisonOperator", "evaluationPeriods", *(("namespace", "period") if classic else ())):
            if inputs.get(name) is None:
                yield CheckFailure(name, "is required")
        if classic and inputs.get("statistic") is None and inputs.get("extendedStatistic") is None:
            yield CheckFailure("statistic", "is required unless extendedStatistic is set")
        for index, query in enumerate(inputs.get("metricQueries") or ()):
            if isinstance(query, dict) and query.get("expression") and query.get("metric"):
                yield CheckFailure(f"metricQueries[{index}].expression", "conflicts with metric")

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        self._put(inputs, clients, Tags=tag_list(inputs))
        return inputs["name"], self._outputs(inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        alarms = clients("cloudwatch").describe_alarms(AlarmNames=[id])["MetricAlarms"]
        if not alarms:
            return None
        inputs = renamed(alarms[0], {api: wire for wire, api in API_NAMES.items()})
        inputs["dimensions"] = {one["Name"]: one["Value"] for one in alarms[0].get("Dimensions", [])}
        if alarms[0].get("Metrics"):
            inputs["metricQueries"] = camel(alarms[0]["Metrics"])
        return inputs, self._outputs(inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        self._put(news, clients)
        cloudwatch, outputs = clients("cloudwatch"), self._outputs(news, clients)
        retag(old, news, cloudwatch.tag_resource, cloudwatch.untag_resource, ResourceARN=outputs["arn"])
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("cloudwatch").delete_alarms(AlarmNames=[id])

    def _put(self, inputs: Inputs, clients: Clients, **extra: Any) -> None:
        request = renamed(inputs, API_NAMES)
        if inputs.get("dimensions"):
            request["Dimensions"] = _dimensions(inputs["dimensions"])
        if inputs.get("metricQueries"):
            request["Metrics"] = [_query(query) for query in inputs["metricQueries"]]
        clients("cloudwatch").put_metric_alarm(**request, **extra)

    def _outputs(self, inputs: Inputs, clients: Clients) -> Outputs:
        arn = f"arn:aws:cloudwatch:{clients.region}:{clients.account}:alarm:{inputs['name']}"
        return echo(inputs, arn=arn, **with_tags(inputs))


def _query(query: Inputs) -> Outputs:
    request = renamed(
        query,
        {"id": "Id", "expression": "Expression", "label": "Label", "returnData": "ReturnData", "period": "Period"},
    )
    if query.get("accountId"):
        request["AccountId"] = query["accountId"]
    if query.get("metric"):
        metric = query["metric"]
        request["MetricStat"] = {
            "Metric": {
                **renamed(metric, {"namespace": "Namespace", "metricName": "MetricName"}),
                "Dimensions": _dimensions(metric.get("dimensions") or {}),
            },
            "Period": metric["period"],
            "Stat": metric["stat"],
            **renamed(metric, {"unit": "Unit"}),
        }
    return request


def _dimensions(dimensions: Inputs) -> list[dict[str, str]]:
    return [pascal({"name": name, "value": value}) for name, value in sorted(dimensions.items())]
