"""What the provider of pulumi_aws 7 answers for a resource or a function, in any partition and Region.

A type or a function that is missing here ends the recording, so that none goes unjudged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batchbell_local.pulumi.naming import Naming

ACCOUNT = "123456789012"
VPC = "vpc-0123456789abcdef0"
SUBNETS = ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")
ZONES = ("a", "b")
ZONE_PREFIXES = {"us-east-1": "use1", "us-gov-west-1": "usgw1", "cn-north-1": "cnn1"}  # of the zones' ids
SUFFIX = 7  # hexadecimal digits of a generated name (pulumi-aws: autonaming.go)
PREFIX_SUFFIX = 26  # digits that follow a name prefix (Terraform's plugin SDK: helper/id)
DNS_SUFFIXES = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a stack is deployed."""

    partition: str
    region: str

    @property
    def dns_suffix(self) -> str:
        return DNS_SUFFIXES[self.partition]

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """Return an ARN of the account; `region`: "" for a global service, None for the place's own."""
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{ACCOUNT}:{resource}"


@dataclass(frozen=True)
class _Kind:
    """How the provider names a type's resources.

    arn: service and resource, with {name} and {digits}, or None if there is none
    id: "name", "arn", or an id with {name} and {digits}
    region: "" for a global service
    more: further outputs, by the same rule as `id`
    """

    arn: tuple[str, str] | None = None
    id: str = "name"
    region: str | None = None
    more: tuple[tuple[str, str], ...] = ()


_KINDS: Mapping[str, _Kind] = {
    "aws:batch/computeEnvironment:ComputeEnvironment": _Kind(("batch", "compute-environment/{name}")),
    "aws:batch/jobDefinition:JobDefinition": _Kind(
        ("batch", "job-definition/{name}:1"), "arn", more=(("arnPrefix", "{arn}"), ("revision", "1"))
    ),
    "aws:batch/jobQueue:JobQueue": _Kind(("batch", "job-queue/{name}"), "arn"),
    "aws:cloudwatch/eventRule:EventRule": _Kind(("events", "rule/{name}")),
    "aws:cloudwatch/eventTarget:EventTarget": _Kind(id="{name}"),
    "aws:cloudwatch/logGroup:LogGroup": _Kind(("logs", "log-group:{name}")),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _Kind(("cloudwatch", "alarm:{name}")),
    "aws:dynamodb/table:Table": _Kind(("dynamodb", "table/{name}")),
    "aws:ec2/launchTemplate:LaunchTemplate": _Kind(
        ("ec2", "launch-template/lt-{digits}"), "lt-{digits}", more=(("latestVersion", "1"), ("defaultVersion", "1"))
    ),
    "aws:ec2/securityGroup:SecurityGroup": _Kind(("ec2", "security-group/sg-{digits}"), "sg-{digits}"),
    "aws:iam/instanceProfile:InstanceProfile": _Kind(("iam", "instance-profile{path}{name}"), region=""),
    "aws:iam/policy:Policy": _Kind(("iam", "policy{path}{name}"), "arn", region=""),
    "aws:iam/role:Role": _Kind(("iam", "role{path}{name}"), region=""),
    "aws:iam/rolePolicy:RolePolicy": _Kind(id="{role}:{name}", region=""),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _Kind(id="{role}-{digits}", region=""),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _Kind(
        ("lambda", "event-source-mapping:{uuid}"),
        "{uuid}",
        more=(("uuid", "{uuid}"), ("functionArn", "{functionName}")),
    ),
    "aws:lambda/function:Function": _Kind(("lambda", "function:{name}")),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": _Kind(id="{functionName}"),
    "aws:lambda/permission:Permission": _Kind(id="{name}"),
    "aws:sesv2/configurationSet:ConfigurationSet": _Kind(("ses", "configuration-set/{name}")),
    "aws:sesv2/emailIdentity:EmailIdentity": _Kind(("ses", "identity/{name}")),
    "aws:sns/topic:Topic": _Kind(("sns", "{name}"), "arn"),
    "aws:sns/topicPolicy:TopicPolicy": _Kind(id="{arn}"),
    "aws:sns/topicSubscription:TopicSubscription": _Kind(("sns", "{topic}:{uuid}"), "arn"),
    "aws:sqs/queue:Queue": _Kind(
        ("sqs", "{name}"), "{url}", more=(("url", "https://sqs.{region}.{dns_suffix}/{account}/{name}"),)
    ),
    "aws:sqs/queuePolicy:QueuePolicy": _Kind(id="{queueUrl}"),
    "aws:ssm/parameter:Parameter": _Kind(("ssm", "parameter{name}"), more=(("version", "1"),)),
    "pulumi:providers:aws": _Kind(id="{uuid}"),
}
# The input that has the name, if it is another one than `name`, and those types that have none.
_NAMES: Mapping[str, str | None] = {
    "aws:cloudwatch/eventTarget:EventTarget": "targetId",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": None,
    "aws:lambda/eventSourceMapping:EventSourceMapping": None,
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": None,
    "aws:lambda/permission:Permission": "statementId",
    "aws:sesv2/configurationSet:ConfigurationSet": "configurationSetName",
    "aws:sesv2/emailIdentity:EmailIdentity": "emailIdentity",
    "aws:sns/topicPolicy:TopicPolicy": None,
    "aws:sns/topicSubscription:TopicSubscription": None,
    "aws:sqs/queuePolicy:QueuePolicy": None,
    "pulumi:providers:aws": None,
}
_NUMBERS = {"revision", "latestVersion", "defaultVersion", "version"}


def resource_answer(token: str, name: str, inputs: Inputs, place: Place, naming: Naming) -> tuple[str, dict[str, Any]]:
    """Return the id and the outputs beside the inputs.

    A generated name is never shortened: pulumi-aws refuses one that is too long, and so does the judge.
    """
    if token not in _KINDS:
        raise KeyError(f"{token}: tests/judges/provider_answers.py does not say what the provider answers for it")
    kind = _KINDS[token]
    digits = hashlib.sha256(f"{token} {name}".encode()).hexdigest()
    place = Place(place.partition, str(inputs.get("region") or place.region))
    computed: dict[str, Any] = {}
    if (named := _NAMES.get(token, "name")) is not None:
        computed[named] = inputs.get(named) or _generated(name, inputs.get(f"{named}Prefix"), digits, naming)
    known = {
        "path": "/",
        **{key: value for key, value in inputs.items() if isinstance(value, str)},
        "name": computed.get(named or ""),
        "digits": digits[:17],
        "uuid": f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}",
        "region": place.region,
        "dns_suffix": place.dns_suffix,
        "account": ACCOUNT,
    }
    if kind.arn is not None:
        service, resource = kind.arn
        known["arn"] = computed["arn"] = place.arn(service, resource.format(**known), region=kind.region)
    for output, form in kind.more:
        text = form.format(**known)
        known[output] = computed[output] = int(text) if output in _NUMBERS else text
    if token == "aws:batch/jobDefinition:JobDefinition":
        computed["arnPrefix"] = computed["arn"].rpartition(":")[0]
    if token == "aws:sns/topicSubscription:TopicSubscription":
        computed["arn"] = known["arn"] = f"{inputs['topic']}:{known['uuid']}"
    return str(known[kind.id] if kind.id in known else kind.id.format(**known)), computed


def _generated(name: str, prefix: str | None, digits: str, naming: Naming) -> str:
    if prefix:
        return f"{prefix}{digits[:PREFIX_SUFFIX]}"
    return naming.name(name, digits) or f"{name}-{digits[:SUFFIX]}"


def _region(arguments: Inputs, place: Place) -> dict[str, Any]:
    region = arguments.get("region") or place.region
    return {"id": region, "name": region, "region": region, "endpoint": f"ec2.{region}.{place.dns_suffix}"}


def _partition(arguments: Inputs, place: Place) -> dict[str, Any]:
    reverse = ".".join(reversed(place.dns_suffix.split(".")))
    return {
        "id": place.partition,
        "partition": place.partition,
        "dnsSuffix": place.dns_suffix,
        "reverseDnsPrefix": reverse,
    }


def _caller(arguments: Inputs, place: Place) -> dict[str, Any]:
    arn = place.arn("iam", "user/deployer", region="")
    return {"id": ACCOUNT, "accountId": ACCOUNT, "arn": arn, "userId": "AIDAIOSFODNN7EXAMPLE"}


def _vpc(arguments: Inputs, place: Place) -> dict[str, Any]:
    id = arguments.get("id") or VPC
    arn = place.arn("ec2", f"vpc/{id}")
    return {"id": id, "arn": arn, "cidrBlock": "172.31.0.0/16", "mainRouteTableId": "rtb-0123456789abcdef0"}


def _subnets(arguments: Inputs, place: Place) -> dict[str, Any]:
    return {"id": place.region, "ids": list(SUBNETS)}


def _zones(arguments: Inputs, place: Place) -> dict[str, Any]:
    names = [place.region + zone for zone in ZONES]
    return {"id": place.region, "names": names, "zoneIds": [_zone_id(zone, place) for zone in ZONES]}


def _zone_id(zone: str, place: Place) -> str:
    return f"{ZONE_PREFIXES[place.region]}-az{ZONES.index(zone) + 1}"


def _subnet(arguments: Inputs, place: Place) -> dict[str, Any]:
    id = arguments.get("id") or SUBNETS[0]
    zone = ZONES[SUBNETS.index(id) if id in SUBNETS else 0]
    return {
        "id": id,
        "arn": place.arn("ec2", f"subnet/{id}"),
        "vpcId": VPC,
        "availabilityZone": place.region + zone,
        "availabilityZoneId": _zone_id(zone, place),
        "defaultForAz": True,
        "mapPublicIpOnLaunch": True,
        "state": "available",
    }


_FUNCTIONS: Mapping[str, Callable[[Inputs, Place], dict[str, Any]]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ec2/getVpc:getVpc": _vpc,
}


def function_answer(token: str, arguments: Inputs, place: Place) -> dict[str, Any]:
    """Return what the function `token` answers."""
    if token not in _FUNCTIONS:
        raise KeyError(f"{token}: tests/judges/provider_answers.py does not say what the provider answers")
    return _FUNCTIONS[token](arguments, place)
