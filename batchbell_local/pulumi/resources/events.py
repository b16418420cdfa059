"""EventBridge: EventRule, EventTarget. Their tokens have the service's old name, "cloudwatch"."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import echo, pascal, physical_name, renamed
from .clients import Clients
from .errors import AwsRefusal, CheckFailure
from .input_rules import arn, between, json_text, matches, needs_one_of, no_longer_than, one_of, satisfies
from .property_values import Inputs, Outputs
from .queue_access import check_queue
from .resource_type import ResourceType
from .tags import retag, tag_list, with_tags

GONE = ("ResourceNotFoundException",)
DEFAULT_BUS = "default"
STATES = ("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
TARGET = {"targetId": "Id", "arn": "Arn", "roleArn": "RoleArn", "input": "Input", "inputPath": "InputPath"}
TARGET_BLOCKS = {"deadLetterConfig": "DeadLetterConfig", "retryPolicy": "RetryPolicy", "sqsTarget": "SqsParameters"}
PATTERN_LIMIT = 2_048  # characters, "Amazon EventBridge quotas"; the provider itself checks 4,096


class EventRule(ResourceType):
    """Its id is its name, with the prefix "bus/" unless it is on the default bus. Provider: events/rule.go."""

    token = "aws:cloudwatch/eventRule:EventRule"
    gone = GONE
    name_limit = 64
    defaults: ClassVar[Mapping[str, Any]] = {"eventBusName": DEFAULT_BUS, "forceDestroy": False}
    conflicts = (("state", "isEnabled"),)
    rules = (
        needs_one_of("eventPattern", "scheduleExpression"),
        json_text("eventPattern"),
        satisfies("eventPattern", lambda text: len(_compact(text)) <= 4_096, "at most 4096 characters"),
        no_longer_than("scheduleExpression", 256),
        matches("name", r"[0-9A-Za-z_.-]{1,64}"),
        one_of("state", *STATES),
        arn("roleArn"),
    )
    replaces = frozenset({"name", "namePrefix", "eventBusName"})
    json_documents = frozenset({"eventPattern"})

    def same(self, name: str, old: Any, new: Any) -> bool:
        """Removing the state does not change it."""
        return (name == "state" and new is None) or super().same(name, old, new)

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs, 38)
        bus = inputs["eventBusName"]
        arn = self._put(name, inputs, clients, Tags=tag_list(inputs))
        return (name if bus == DEFAULT_BUS else f"{bus}/{name}"), self._outputs(name, arn, inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        bus, name = _bus_and_name(id)
        found = clients("events").describe_rule(Name=name, EventBusName=bus)
        inputs = echo(
            {
                "name": name,
                "eventBusName": bus,
                "eventPattern": found.get("EventPattern") or None,
                "scheduleExpression": found.get("ScheduleExpression") or None,
                "state": found.get("State"),
                "description": found.get("Description") or None,
                "roleArn": found.get("RoleArn") or None,
            }
        )
        return inputs, self._outputs(name, found["Arn"], inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        _, name = _bus_and_name(id)
        arn = self._put(name, news, clients)
        retag(old, news, clients("events").tag_resource, clients("events").untag_resource, ResourceARN=arn)
        return self._outputs(name, arn, news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        bus, name = _bus_and_name(id)
        clients("events").delete_rule(Name=name, EventBusName=bus, Force=bool(old.get("forceDestroy")))

    def _put(self, name: str, inputs: Inputs, clients: Clients, **extra: Any) -> str:
        names = {"scheduleExpression": "ScheduleExpression", "description": "Description", "roleArn": "RoleArn"}
        request = renamed(inputs, names)
        if inputs.get("eventPattern"):
            request["EventPattern"] = _compact(inputs["eventPattern"])
            if len(request["EventPattern"]) > PATTERN_LIMIT:
                raise AwsRefusal(f"ValidationException: Event pattern is longer than {PATTERN_LIMIT} characters")
        put = clients("events").put_rule(
            Name=name, EventBusName=inputs["eventBusName"], State=_state(inputs), **request, **extra
        )
        return str(put["RuleArn"])

    def _outputs(self, name: str, arn: str, inputs: Inputs) -> Outputs:
        state = _state(inputs)
        return echo(inputs, name=name, arn=arn, state=state, isEnabled=state != "DISABLED", **with_tags(inputs))


class EventTarget(ResourceType):
    """Its id is "rule-target", with the prefix "bus-" unless it is on the default bus. Provider: events/target.go."""

    token = "aws:cloudwatch/eventTarget:EventTarget"
    gone = GONE
    auto_name = "targetId"
    defaults: ClassVar[Mapping[str, Any]] = {"eventBusName": DEFAULT_BUS, "forceDestroy": False}
    conflicts = (("input", "inputPath"), ("input", "inputTransformer"), ("inputPath", "inputTransformer"))
    rules = (
        arn("arn"),
        arn("roleArn"),
        arn("deadLetterConfig.arn"),
        matches("targetId", r"[0-9A-Za-z_.-]{1,64}"),
        between("retryPolicy.maximumEventAgeInSeconds", 60, 86_400),
        between("retryPolicy.maximumRetryAttempts", 0, 185),
        json_text("input"),
    )
    replaces = frozenset({"rule", "eventBusName", "targetId"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        others = ("appsyncTarget", "ecsTarget", "httpTarget", "kinesisTarget", "redshiftTarget", "runCommandTargets")
        for name in (*others, "sagemakerPipelineTarget"):
            if name in inputs:
                yield CheckFailure(name, "this kind of target is not supported by local AWS")

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        self._put(inputs, clients)
        parts = [inputs["rule"], inputs["targetId"]]
        bus = inputs["eventBusName"]
        return "-".join(parts if bus == DEFAULT_BUS else [bus, *parts]), echo(inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        """Search the rules, since the id does not show where the rule's name ends."""
        for rule in clients.of_owner("events").list_rules()["Rules"]:
            if not id.startswith(rule["Name"] + "-"):
                continue
            for target in clients("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                if id == f"{rule['Name']}-{target['Id']}":
                    inputs = _target_inputs(rule["Name"], target)
                    return inputs, echo(inputs)
        return None

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        self._put(news, clients)
        return echo(news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("events").remove_targets(
            Rule=old["rule"], EventBusName=old.get("eventBusName", DEFAULT_BUS), Ids=[old["targetId"]]
        )

    def _put(self, inputs: Inputs, clients: Clients) -> None:
        rule = clients("events").describe_rule(Name=inputs["rule"], EventBusName=inputs["eventBusName"])["Arn"]
        check_queue(inputs["arn"], rule, clients)
        if dead_letters := (inputs.get("deadLetterConfig") or {}).get("arn"):
            check_queue(dead_letters, rule, clients)
        put = clients("events").put_targets(
            Rule=inputs["rule"], EventBusName=inputs["eventBusName"], Targets=[_target(inputs)]
        )
        for failed in put.get("FailedEntries", []):
            raise AwsRefusal(f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")


def _target(inputs: Inputs) -> Outputs:
    target = renamed(inputs, TARGET) | renamed(inputs, TARGET_BLOCKS, pascal)
    if inputs.get("inputTransformer"):
        transformer = {"inputPaths": "InputPathsMap", "inputTemplate": "InputTemplate"}
        target["InputTransformer"] = renamed(inputs["inputTransformer"], transformer)
    if inputs.get("batchTarget"):
        batch = inputs["batchTarget"]
        target["BatchParameters"] = renamed(batch, {"jobDefinition": "JobDefinition", "jobName": "JobName"})
        if batch.get("arraySize"):
            target["BatchParameters"]["ArrayProperties"] = {"Size": batch["arraySize"]}
        if batch.get("jobAttempts"):
            target["BatchParameters"]["RetryStrategy"] = {"Attempts": batch["jobAttempts"]}
    return target


def _target_inputs(rule: str, target: dict[str, Any]) -> Outputs:
    inputs: Outputs = {"rule": rule, "eventBusName": DEFAULT_BUS}
    inputs |= renamed(target, {api: wire for wire, api in TARGET.items()})
    if target.get("DeadLetterConfig"):
        inputs["deadLetterConfig"] = {"arn": target["DeadLetterConfig"]["Arn"]}
    return inputs


def _state(inputs: Inputs) -> str:
    if inputs.get("state"):
        return str(inputs["state"])
    return "DISABLED" if inputs.get("isEnabled") is False else "ENABLED"


def _bus_and_name(id: str) -> tuple[str, str]:
    bus, _, name = id.rpartition("/")
    return bus or DEFAULT_BUS, name


def _compact(text: Any) -> str:
    """The pattern without insignificant white space, as the provider sends it; text that is not JSON stays."""
    try:
        return json.dumps(json.loads(text), separators=(",", ":"))
    except (TypeError, ValueError):
        return str(text)
