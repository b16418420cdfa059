"""Batch's ComputeEnvironment. Its role and allocation strategy decide which changes replace it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import echo, physical_name, renamed, same_names
from .batch import NAME, wait_until_valid
from .clients import Clients
from .errors import CheckFailure
from .input_rules import arn, at_least, between, matches, no_more_than, one_of
from .property_values import UNKNOWN, Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag_by_arn, with_tags
from .waiting import wait

RESOURCES = "computeResources"
SERVICE_LINKED = re.compile(r".+:role/aws-service-role/batch\.amazonaws\.com/.+")
UPDATABLE_STRATEGIES = {"BEST_FIT_PROGRESSIVE", "SPOT_CAPACITY_OPTIMIZED", "SPOT_PRICE_CAPACITY_OPTIMIZED"}
ALWAYS_REPLACE = {"placementGroup", "spotIamFleetRole"}
NETWORK = {"securityGroupIds", "subnets"}  # Fargate changes these in place with any strategy
IF_NOT_UPDATABLE = {
    "allocationStrategy",
    "bidPercentage",
    "ec2KeyPair",
    "imageId",
    "instanceRole",
    "instanceTypes",
    "tags",
    "launchTemplate",
    "ec2Configurations",
}
API_NAMES = same_names(
    "type allocationStrategy instanceTypes imageId subnets securityGroupIds ec2KeyPair instanceRole tags "
    "placementGroup bidPercentage spotIamFleetRole launchTemplate",
    minVcpus="minvCpus",
    maxVcpus="maxvCpus",
    desiredVcpus="desiredvCpus",
)
EC2_CONFIGURATION = same_names("imageType imageIdOverride")


class ComputeEnvironment(ResourceType):
    """Its id is its name. Provider: batch/compute_environment.go."""

    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    defaults: ClassVar[Mapping[str, Any]] = {"state": "ENABLED"}
    rules = (
        matches("name", NAME),
        matches("namePrefix", r"[0-9A-Za-z][0-9A-Za-z_-]{0,101}"),
        one_of("type", "MANAGED", "UNMANAGED", ignore_case=True),
        one_of("state", "ENABLED", "DISABLED", ignore_case=True),
        arn("serviceRole"),
        one_of("computeResources.type", "EC2", "SPOT", "FARGATE", "FARGATE_SPOT", ignore_case=True),
        one_of(
            "computeResources.allocationStrategy",
            "BEST_FIT",
            *sorted(UPDATABLE_STRATEGIES),
            ignore_case=True,
        ),
        at_least("computeResources.minVcpus", 0),
        at_least("computeResources.maxVcpus", 0),
        arn("computeResources.instanceRole"),
        arn("computeResources.spotIamFleetRole"),
        no_more_than("computeResources.ec2Configurations", 2),
        between("updatePolicy.jobExecutionTimeoutMinutes", 1, 360),
    )
    replaces = frozenset({"name", "namePrefix", "type", "eksConfiguration"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        resources = inputs.get(RESOURCES)
        managed = str(inputs.get("type", "")).upper()
        if managed == "MANAGED" and resources is None:
            yield CheckFailure(RESOURCES, "is required for a MANAGED compute environment")
        if managed == "UNMANAGED" and resources is not None:
            yield CheckFailure(RESOURCES, 'no `compute_resources` can be specified when `type` is "UNMANAGED"')
        template = resources.get("launchTemplate") if isinstance(resources, dict) else None
        if isinstance(template, dict) and "launchTemplateId" in template and "launchTemplateName" in template:
            yield CheckFailure(f"{RESOURCES}.launchTemplate.launchTemplateId", "conflicts with launchTemplateName")

    def same(self, name: str, old: Any, new: Any) -> bool:
        if name in ("state", "type") and isinstance(old, str) and isinstance(new, str):
            return old.upper() == new.upper()
        return super().same(name, old, new)

    def replacing(self, old: Inputs, news: Inputs, changes: frozenset[str]) -> set[str]:
        """Adds paths such as "computeResources.subnets" to the fixed set; the real provider reports paths too."""
        found = super().replacing(old, news, changes)
        before, after = _block(old, RESOURCES), _block(news, RESOURCES)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        replaced = changed & ALWAYS_REPLACE
        if bool(before.get("launchTemplate")) != bool(after.get("launchTemplate")):
            replaced.add("launchTemplate")
        if _count(before) != _count(after):
            replaced.add("ec2Configurations")
        if not (_is_updatable(old) and _is_updatable(news)):
            replaced |= changed & IF_NOT_UPDATABLE
            if not str(after.get("type", "")).upper().startswith("FARGATE"):
                replaced |= changed & NETWORK
            if _block(after, "launchTemplate").get("version") == UNKNOWN:
                replaced.add("launchTemplate")
        return found | {f"{RESOURCES}.{name}" for name in replaced}

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        request = renamed(inputs, same_names("serviceRole eksConfiguration"))
        if inputs.get(RESOURCES):
            request[RESOURCES] = _to_api(inputs[RESOURCES])
        clients("batch").create_compute_environment(
            computeEnvironmentName=name,
            type=inputs["type"].upper(),
            state=inputs["state"].upper(),
            tags=inputs.get("tags") or {},
            **request,
        )
        environment = self._wait_until_valid(name, clients)
        if inputs.get("updatePolicy"):  # CreateComputeEnvironment does not take it
            clients("batch").update_compute_environment(computeEnvironment=name, updatePolicy=inputs["updatePolicy"])
            environment = self._wait_until_valid(name, clients)
        return name, self._outputs(environment, inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = self._describe(id, clients)
        if found is None:
            return None
        inputs = echo(
            {
                "name": id,
                "type": found["type"],
                "state": found["state"],
                "serviceRole": found.get("serviceRole") or None,
                RESOURCES: _from_api(found.get(RESOURCES) or {}) or None,
                "tags": found.get("tags") or None,
            }
        )
        return inputs, self._outputs(found, inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        request: Outputs = {"state": news["state"].upper()}
        request |= renamed(news, same_names("serviceRole updatePolicy"))
        before, after = _block(old, RESOURCES), _block(news, RESOURCES)
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        if changed:
            request[RESOURCES] = _to_api(changed)
        clients("batch").update_compute_environment(computeEnvironment=id, **request)
        environment = self._wait_until_valid(id, clients)
        retag_by_arn(clients("batch"), environment["computeEnvironmentArn"], old, news)
        return self._outputs(environment, news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        if self._describe(id, clients) is None:
            return
        clients("batch").update_compute_environment(computeEnvironment=id, state="DISABLED")
        self._wait_until_valid(id, clients)
        clients("batch").delete_compute_environment(computeEnvironment=id)
        wait(lambda: self._describe(id, clients) is None, f"compute environment {id} is not deleted")

    def _describe(self, name: str, clients: Clients) -> dict[str, Any] | None:
        found = clients("batch").describe_compute_environments(computeEnvironments=[name])["computeEnvironments"]
        return next((dict(one) for one in found if one.get("status") != "DELETED"), None)

    def _wait_until_valid(self, name: str, clients: Clients) -> dict[str, Any]:
        return wait_until_valid(lambda: self._describe(name, clients), f"compute environment {name}")

    def _outputs(self, environment: dict[str, Any], inputs: Inputs) -> Outputs:
        return echo(
            inputs,
            name=environment["computeEnvironmentName"],
            arn=environment["computeEnvironmentArn"],
            ecsClusterArn=environment.get("ecsClusterArn"),
            status=environment.get("status"),
            statusReason=environment.get("statusReason"),
            **with_tags(inputs),
        )


def _is_updatable(inputs: Inputs) -> bool:
    """Whether AWS changes the environment in place.

    It does with the service-linked role and a strategy other than the default BEST_FIT ("Updating compute environments"
    in the AWS Batch User Guide). An unknown role counts as a custom one.
    """
    role = inputs.get("serviceRole")
    linked = not role or (is_known(role) and SERVICE_LINKED.fullmatch(str(role)) is not None)
    return linked and str(_block(inputs, RESOURCES).get("allocationStrategy", "")).upper() in UPDATABLE_STRATEGIES


def _block(inputs: Inputs, name: str) -> dict[str, Any]:
    value = inputs.get(name)
    return value if isinstance(value, dict) else {}


def _count(resources: dict[str, Any]) -> int:
    return len(resources.get("ec2Configurations") or [])


def _to_api(resources: Inputs) -> Outputs:
    request = renamed(resources, API_NAMES)
    for name in ("type", "allocationStrategy"):
        if name in request:
            request[name] = request[name].upper()
    if resources.get("ec2Configurations"):
        request["ec2Configuration"] = [renamed(one, EC2_CONFIGURATION) for one in resources["ec2Configurations"]]
    return request


def _from_api(resources: Inputs) -> Outputs:
    wire = {api: name for name, api in API_NAMES.items()} | {"ec2Configuration": "ec2Configurations"}
    return renamed(resources, wire)
