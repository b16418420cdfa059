"""What IAM checks for the requests of a deployment: actions, resources, and keys for conditions.

From the Service Authorization Reference: which resources an action has, that a request with tags needs the action that
sets tags too, and that a service which gets a role needs iam:PassRole from the caller. Rules return nothing for a
request whose one resource MiniStack finds itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]
# By service: the action that tags a resource, which creating it with tags needs too.
TAGGING: Mapping[str, str] = {
    "batch": "batch:TagResource",
    "cloudwatch": "cloudwatch:TagResource",
    "dynamodb": "dynamodb:TagResource",
    "events": "events:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
    "ssm": "ssm:AddTagsToResource",
}
IAM_TAGGING = {"CreateRole": "iam:TagRole", "CreateInstanceProfile": "iam:TagInstanceProfile"}
SPECIFIED_TAG = re.compile(r"TagSpecification\.\d+\.Tag\.\d+\.Key")
BATCH_SERVICE = "batch.amazonaws.com"


@dataclass(frozen=True)
class Check:
    """An action on a resource. context: condition keys, besides those of the request's own tags."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the account has already; each by its name or id.

    role_arn: of a role; one that does not exist has the path "/"
    profile_role: the name of the role in an instance profile, or ""
    mapping_function: the ARN of an event source mapping's function, or ""
    ec2_tags: of a security group or a launch template
    has_batch_role: whether the account has Batch's service-linked role
    """

    role_arn: Callable[[str], str]
    profile_role: Callable[[str], str]
    mapping_function: Callable[[str], str]
    ec2_tags: Callable[[str], Mapping[str, str]]
    has_batch_role: Callable[[], bool]


@dataclass(frozen=True)
class Request:
    """A request of a deployment.

    action: such as "iam:CreateRole"
    parameters: lists of a query as `Name.1`, or `Name.member.1`
    path: of the URL
    tagged: whether it sets tags
    """

    action: str
    parameters: Json
    path: str
    tagged: bool
    region: str
    account: str

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]

    @property
    def operation(self) -> str:
        return self.action.partition(":")[2]

    def text(self, name: str) -> str:
        return str(self.parameters.get(name, ""))

    def arn(self, resource: str, *, service: str = "", region: str | None = None) -> str:
        place = self.region if region is None else region
        return f"arn:aws:{service or self.service}:{place}:{self.account}:{resource}"


def checks_of(request: Request, known: Known, own: str) -> list[Check]:
    """All that IAM checks for a request, in order. `own`: the resource that MiniStack would check, or `*`."""
    rule = RULES.get(request.service)
    checks = list(rule(request, known)) if rule else []
    first = checks or [Check(request.action, request.text("ResourceArn") or request.text("ResourceARN") or own)]
    return [*first, *_tagging(request, first[0].resource)]


def _tagging(request: Request, resource: str) -> Iterator[Check]:
    """A new resource with tags. EC2 has a rule of its own."""
    action = IAM_TAGGING.get(request.operation) or TAGGING.get(request.service)
    if action and request.tagged and request.operation.startswith(("Create", "Put", "Register")):
        mapping = request.operation == "CreateEventSourceMapping"
        yield Check(action, request.arn("event-source-mapping:new") if mapping else resource)


def _batch(request: Request, known: Known) -> Iterator[Check]:
    action, operation, text = request.action, request.operation, request.text
    if operation in ("TagResource", "UntagResource"):
        yield Check(action, request.path.removeprefix("/v1/tags/"))
    elif operation.endswith("ComputeEnvironment"):
        name = text("computeEnvironmentName") or text("computeEnvironment")
        yield Check(action, _named(request, "compute-environment", name))
        if operation == "CreateComputeEnvironment" and not known.has_batch_role():
            role = request.arn(
                f"role/aws-service-role/{BATCH_SERVICE}/AWSServiceRoleForBatch", service="iam", region=""
            )
            yield Check("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": BATCH_SERVICE})
        profile = str((request.parameters.get("computeResources") or {}).get("instanceRole", ""))
        if role_name := known.profile_role(profile.rpartition("/")[2]):
            yield _pass(known.role_arn(role_name), "ec2.amazonaws.com")
    elif operation.endswith("JobQueue"):
        yield Check(action, _named(request, "job-queue", text("jobQueueName") or text("jobQueue")))
        for order in request.parameters.get("computeEnvironmentOrder") or ():
            yield Check(action, _named(request, "compute-environment", str(order["computeEnvironment"])))
    elif operation == "RegisterJobDefinition":
        yield Check(action, request.arn(f"job-definition/{text('jobDefinitionName')}"))
        container = request.parameters.get("containerProperties") or {}
        for role in ("executionRoleArn", "jobRoleArn"):
            if container.get(role):
                yield _pass(container[role], "ecs-tasks.amazonaws.com")
    elif operation == "DeregisterJobDefinition":
        yield Check(action, _named(request, "job-definition", text("jobDefinition")))


def _named(request: Request, kind: str, name: str) -> str:
    """`name` may be the ARN already."""
    return name if name.startswith("arn:") else request.arn(f"{kind}/{name}")


def _pass(role: str, service: str) -> Check:
    return Check("iam:PassRole", role, {"iam:PassedToService": service})


def _cloudwatch(request: Request, known: Known) -> Iterator[Check]:
    names = request.parameters.get("AlarmNames") or [request.text("AlarmName")]
    for name in names:
        if name:
            yield Check(request.action, request.arn(f"alarm:{name}"))


def _ec2(request: Request, known: Known) -> Iterator[Check]:
    action, operation, text = request.action, request.operation, request.text
    if operation in ("CreateSecurityGroup", "CreateLaunchTemplate"):
        kind = "security-group" if operation == "CreateSecurityGroup" else "launch-template"
        tags = _specified_tags(request)
        yield Check(action, request.arn(f"{kind}/new"), tags)
        if tags:
            yield Check("ec2:CreateTags", request.arn(f"{kind}/new"), {**tags, "ec2:CreateAction": operation})
        if kind == "security-group":
            yield Check(action, request.arn(f"vpc/{text('VpcId')}"))
    elif operation in ("CreateTags", "DeleteTags"):
        yield from (_own(request, known, id) for name, id in request.parameters.items() if name[:11] == "ResourceId.")
    elif operation == "DescribeVpcAttribute":
        yield Check(action, request.arn(f"vpc/{text('VpcId')}"))
    elif operation.startswith("Describe"):
        yield Check(action, "*")
    elif id := text("LaunchTemplateId") or text("GroupId"):
        yield _own(request, known, id)


def _specified_tags(request: Request) -> dict[str, str]:
    """Return the keys for the tags of a new resource, which MiniStack does not find in tag specifications."""
    found = {
        name.removesuffix(".Key"): key for name, key in request.parameters.items() if SPECIFIED_TAG.fullmatch(name)
    }
    return {f"aws:RequestTag/{key}": request.text(f"{place}.Value") for place, key in found.items()}


def _own(request: Request, known: Known, id: str) -> Check:
    kind = {"sg": "security-group", "lt": "launch-template"}.get(id.partition("-")[0], "other")
    tags = {f"aws:ResourceTag/{key}": value for key, value in known.ec2_tags(id).items()}
    return Check(request.action, request.arn(f"{kind}/{id}"), tags)


def _events(request: Request, known: Known) -> Iterator[Check]:
    if rule := request.text("Name") or request.text("Rule"):
        yield Check(request.action, request.arn(f"rule/{rule}"))


def _iam(request: Request, known: Known) -> Iterator[Check]:
    role, profile = request.text("RoleName"), request.text("InstanceProfileName")
    if profile:
        yield Check(request.action, request.arn(f"instance-profile/{profile}", region=""))
        if role and request.operation == "AddRoleToInstanceProfile":
            yield _pass(known.role_arn(role), "ec2.amazonaws.com")
    elif role:
        new = request.operation == "CreateRole"
        path = request.text("Path") or "/"
        yield Check(request.action, request.arn(f"role{path}{role}", region="") if new else known.role_arn(role))


def _lambda(request: Request, known: Known) -> Iterator[Check]:
    operation = request.operation
    if operation == "CreateEventSourceMapping":
        yield Check(request.action, "*", {"lambda:FunctionArn": _function(request)})
    elif operation.endswith("EventSourceMapping"):
        id = request.path.rstrip("/").rpartition("/")[2]
        arn = request.arn(f"event-source-mapping:{id}")
        yield Check(request.action, arn, {"lambda:FunctionArn": known.mapping_function(id)})
    elif operation == "CreateFunction":
        yield Check(request.action, _function(request))
        yield _pass(request.text("Role"), "lambda.amazonaws.com")


def _function(request: Request) -> str:
    name = request.text("FunctionName")
    return name if name.startswith("arn:") else request.arn(f"function:{name}")


def _logs(request: Request, known: Known) -> Iterator[Check]:
    if request.operation == "DescribeLogGroups":
        yield Check(request.action, "*")


RULES: Mapping[str, Callable[[Request, Known], Iterator[Check]]] = {
    "batch": _batch,
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "events": _events,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
}
