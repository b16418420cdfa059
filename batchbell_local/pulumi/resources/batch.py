"""Batch: JobQueue and JobDefinition. `compute_environment.py` has the ComputeEnvironment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from .api_form import camel, echo, renamed, same_names
from .clients import Clients
from .errors import AwsRefusal, CheckFailure
from .input_rules import arn, at_least, between, matches, no_more_than, one_of, satisfies
from .property_values import Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag_by_arn, with_tags
from .waiting import wait

NAME = r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}"


class JobQueue(ResourceType):
    """Its id is its ARN. Provider: batch/job_queue.go."""

    token = "aws:batch/jobQueue:JobQueue"
    rules = (
        matches("name", NAME),
        between("priority", 0, 1_000),
        one_of("state", "ENABLED", "DISABLED", ignore_case=True),
        arn("computeEnvironmentOrders[].computeEnvironment"),
        no_more_than("computeEnvironmentOrders", 3),
        arn("schedulingPolicyArn"),
        between("jobStateTimeLimitActions[].maxTimeSeconds", 600, 86_400),
    )
    replaces = frozenset({"name"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        made = clients("batch").create_job_queue(
            jobQueueName=inputs["name"], tags=inputs.get("tags") or {}, **self._settings(inputs)
        )
        arn = made["jobQueueArn"]
        queue = self._wait_until_valid(arn, clients)
        return arn, self._outputs(queue, inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        queue = self._describe(id, clients)
        if queue is None:
            return None
        inputs: Outputs = {
            "name": queue["jobQueueName"],
            "priority": queue["priority"],
            "state": queue["state"],
            "computeEnvironmentOrders": queue.get("computeEnvironmentOrder") or None,
            "tags": queue.get("tags") or None,
        }
        return echo(inputs), self._outputs(queue, inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        clients("batch").update_job_queue(jobQueue=id, **self._settings(news))
        retag_by_arn(clients("batch"), id, old, news)
        return self._outputs(self._wait_until_valid(id, clients), news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        if self._describe(id, clients) is None:
            return
        clients("batch").update_job_queue(jobQueue=id, state="DISABLED")
        self._wait_until_valid(id, clients)
        clients("batch").delete_job_queue(jobQueue=id)
        wait(lambda: self._describe(id, clients) is None, f"job queue {id} is not deleted")

    def _settings(self, inputs: Inputs) -> Outputs:
        names = "priority schedulingPolicyArn jobStateTimeLimitActions"
        request = renamed(inputs, same_names(names, computeEnvironmentOrders="computeEnvironmentOrder"))
        return request | {"state": str(inputs["state"]).upper()}

    def _describe(self, id: str, clients: Clients) -> dict[str, Any] | None:
        found = clients("batch").describe_job_queues(jobQueues=[id])["jobQueues"]
        return next((dict(queue) for queue in found if queue.get("status") != "DELETED"), None)

    def _wait_until_valid(self, id: str, clients: Clients) -> dict[str, Any]:
        return wait_until_valid(lambda: self._describe(id, clients), f"job queue {id}")

    def _outputs(self, queue: dict[str, Any], inputs: Inputs) -> Outputs:
        return echo(inputs, name=queue["jobQueueName"], arn=queue["jobQueueArn"], **with_tags(inputs))


class JobDefinition(ResourceType):
    """Its id is the ARN of the first revision; a change registers another. Provider: batch/job_definition.go."""

    token = "aws:batch/jobDefinition:JobDefinition"
    defaults: ClassVar[Mapping[str, Any]] = {"deregisterOnNewRevision": True, "propagateTags": False}
    conflicts = (
        ("containerProperties", "ecsProperties"),
        ("containerProperties", "eksProperties"),
        ("containerProperties", "nodeProperties"),
        ("ecsProperties", "eksProperties"),
        ("ecsProperties", "nodeProperties"),
        ("eksProperties", "nodeProperties"),
    )
    rules = (
        matches("name", NAME),
        one_of("type", "container", "multinode", ignore_case=True),
        one_of("platformCapabilities[]", "EC2", "FARGATE"),
        at_least("timeout.attemptDurationSeconds", 60),
        between("retryStrategy.attempts", 1, 10),
        no_more_than("retryStrategy.evaluateOnExits", 5),
        one_of("retryStrategy.evaluateOnExits[].action", "RETRY", "EXIT", ignore_case=True),
        matches("retryStrategy.evaluateOnExits[].onExitCode", r"[0-9]*\*?"),
        matches("retryStrategy.evaluateOnExits[].onReason", r"[0-9A-Za-z.:\s]{0,511}\*?"),
        matches("retryStrategy.evaluateOnExits[].onStatusReason", r"[0-9A-Za-z.:\s]{0,511}\*?"),
        satisfies("containerProperties", lambda text: _object(text) is not None, "a JSON object"),
        satisfies("nodeProperties", lambda text: _object(text) is not None, "a JSON object"),
    )
    replaces = frozenset({"name"})
    json_documents = frozenset({"containerProperties", "nodeProperties"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        kind = str(inputs.get("type", "")).lower()
        refused = {
            "container": ("nodeProperties",),
            "multinode": ("containerProperties", "ecsProperties", "eksProperties"),
        }
        for name in refused.get(kind, ()):
            if name in inputs:
                yield CheckFailure(name, f"is not for a job definition of type {kind}")

    def same(self, name: str, old: Any, new: Any) -> bool:
        if name == "containerProperties" and is_known(old) and is_known(new):
            return bool(_reduced(old) == _reduced(new))
        return super().same(name, old, new)

    def recomputed(self, old_inputs: Inputs, news: Inputs) -> frozenset[str]:
        revised = self.diff(old_inputs, news).changes - {"tags", "deregisterOnNewRevision"}
        return frozenset({"arn", "revision"}) if revised else frozenset()

    def replacing(self, old: Inputs, news: Inputs, changes: frozenset[str]) -> set[str]:
        """Adding or removing an evaluateOnExit block replaces: the block is ForceNew, its fields are not."""
        found = super().replacing(old, news, changes)
        if _exits(old) != _exits(news):
            found.add("retryStrategy")
        return found

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        outputs = self._register(inputs, clients)
        return outputs["arn"], outputs

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = clients("batch").describe_job_definitions(jobDefinitions=[id])["jobDefinitions"]
        match = next((one for one in found if one["jobDefinitionArn"] == id and one["status"] == "ACTIVE"), None)
        if match is None:
            return None
        inputs: Outputs = {
            "name": match["jobDefinitionName"],
            "type": match["type"],
            "containerProperties": json.dumps(match["containerProperties"], separators=(",", ":"))
            if match.get("containerProperties")
            else None,
            "parameters": match.get("parameters") or None,
            "platformCapabilities": match.get("platformCapabilities") or None,
            "timeout": match.get("timeout") or None,
            "retryStrategy": renamed(match.get("retryStrategy") or {}, {"attempts": "attempts"}) or None,
            "propagateTags": match.get("propagateTags"),
            "tags": match.get("tags") or None,
        }
        return echo(inputs), self._outputs(id, match["revision"], inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        """Register a new revision unless only tags changed. The id names the first one, so the latest is looked up."""
        active = self._active(news["name"], clients)
        last = max(active, key=lambda one: int(one["revision"]))["jobDefinitionArn"] if active else id
        if not self.diff(old, news).changes - {"tags"}:
            retag_by_arn(clients("batch"), last, old, news)
            return self._outputs(last, int(last.rsplit(":", 1)[-1]), news)
        outputs = self._register(news, clients)
        if news.get("deregisterOnNewRevision", True):
            clients("batch").deregister_job_definition(jobDefinition=last)
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        """Deregister all active revisions of the name, as the provider does."""
        name = old.get("name") or id.rsplit("/", 1)[-1].split(":")[0]
        for one in self._active(name, clients):
            clients("batch").deregister_job_definition(jobDefinition=one["jobDefinitionArn"])

    def _active(self, name: str, clients: Clients) -> list[dict[str, Any]]:
        found = clients("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
        return [dict(one) for one in found if one["status"] == "ACTIVE"]

    def _register(self, inputs: Inputs, clients: Clients) -> Outputs:
        names = "parameters platformCapabilities propagateTags schedulingPriority timeout"
        request = renamed(inputs, same_names(names))
        for document in ("containerProperties", "nodeProperties"):
            if inputs.get(document):
                request[document] = _object(inputs[document])
        for block in ("ecsProperties", "eksProperties"):
            if inputs.get(block):
                request[block] = inputs[block] if isinstance(inputs[block], dict) else json.loads(inputs[block])
        if inputs.get("retryStrategy"):
            strategy = dict(inputs["retryStrategy"])
            exits = strategy.pop("evaluateOnExits", None)
            request["retryStrategy"] = strategy | ({"evaluateOnExit": exits} if exits else {})
        made = clients("batch").register_job_definition(
            jobDefinitionName=inputs["name"], type=inputs["type"].lower(), tags=inputs.get("tags") or {}, **request
        )
        return self._outputs(made["jobDefinitionArn"], made["revision"], inputs)

    def _outputs(self, arn: str, revision: int, inputs: Inputs) -> Outputs:
        return echo(inputs, arn=arn, arnPrefix=arn.rsplit(":", 1)[0], revision=revision, **with_tags(inputs))


def wait_until_valid(describe: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
    """Poll until the status is VALID. Raises AwsRefusal with AWS's reason if it is INVALID."""
    found: dict[str, Any] = {}

    def is_valid() -> bool:
        found.update(describe() or {})
        if found.get("status") == "INVALID":
            raise AwsRefusal(f"{what} is INVALID: {found.get('statusReason', 'no reason given')}")
        return found.get("status") == "VALID"

    wait(is_valid, f"{what} is not VALID")
    return found


def _exits(inputs: Inputs) -> int:
    strategy = inputs.get("retryStrategy")
    return len(strategy.get("evaluateOnExits") or []) if isinstance(strategy, dict) else 0


def _object(text: Any) -> dict[str, Any] | None:
    """Parse the JSON of an object with camelCase keys (or PascalCase, as the provider's decoder accepts)."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    return {key[:1].lower() + key[1:]: item for key, item in value.items()}


def _reduced(text: Any) -> Any:
    """Container properties as the provider compares them (batch/container_properties.go).

    Without empty values, with the environment sorted and without its empty variables, and without Fargate's default
    LATEST.
    """
    value = _object(text)
    if value is None:
        return text
    environment = [one for one in value.get("environment") or [] if camel(one).get("value")]
    value["environment"] = sorted(environment, key=lambda one: str(camel(one).get("name")))
    if value.get("fargatePlatformConfiguration", {}).get("platformVersion") == "LATEST":
        del value["fargatePlatformConfiguration"]
    return _without_empty(value)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        reduced = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in reduced.items() if item not in ({}, [], None)}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value
