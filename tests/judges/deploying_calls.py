"""The requests that the AWS provider makes to create, read, change and delete what the program registers.

By type: the calls in the source of the Terraform AWS provider, internal/service/SERVICE/RESOURCE.go, for the properties
that the program uses. Each request is an IAM action on a resource, with the condition keys that policies may ask for.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.judges.iam_reference import listed
from tests.judges.registered import Recording, Registered

TAG = "batchbell"  # that every resource has


@dataclass(frozen=True)
class Request:
    """What IAM decides on. context: values of condition keys."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def is_allowed_by(self, statement: Mapping[str, Any]) -> bool:
        return (
            statement["Effect"] == "Allow"
            and self.action in listed(statement["Action"])
            and any(fnmatchcase(self.resource, one) for one in listed(statement["Resource"]))
            and all(
                any(fnmatchcase(self.context.get(key, ""), one) for one in listed(values))
                for keys in statement.get("Condition", {}).values()
                for key, values in keys.items()
            )
        )


@dataclass(frozen=True)
class Calls:
    """The provider's calls for a type, as IAM actions.

    cloudformation: the type of CloudFormation for the same, whose handlers AWS wrote; None if there is none
    on: the output that names the resource that IAM checks; or the name of a rule in `_arns`
    actions: checked on that resource
    everywhere: checked on `*`, since AWS supports no resources for them
    """

    cloudformation: str | None
    actions: str
    on: str = "arn"
    everywhere: str = ""

    def all_actions(self) -> set[str]:
        return {*self.actions.split(), *self.everywhere.split()}


CALLS: Mapping[str, Calls] = {
    "aws:batch/computeEnvironment:ComputeEnvironment": Calls(
        "AWS::Batch::ComputeEnvironment",
        "batch:CreateComputeEnvironment batch:UpdateComputeEnvironment batch:DeleteComputeEnvironment "
        "batch:TagResource batch:UntagResource",
        everywhere="batch:DescribeComputeEnvironments ec2:DescribeLaunchTemplateVersions",
    ),
    "aws:batch/jobQueue:JobQueue": Calls(
        "AWS::Batch::JobQueue",
        "batch:CreateJobQueue batch:UpdateJobQueue batch:DeleteJobQueue batch:TagResource batch:UntagResource",
        everywhere="batch:DescribeJobQueues",
    ),
    "aws:batch/jobDefinition:JobDefinition": Calls(
        "AWS::Batch::JobDefinition",
        "batch:DeregisterJobDefinition batch:TagResource batch:UntagResource",
        everywhere="batch:DescribeJobDefinitions",
    ),
    "aws:cloudwatch/eventRule:EventRule": Calls(
        "AWS::Events::Rule",
        "events:PutRule events:DescribeRule events:DeleteRule events:ListTagsForResource events:TagResource "
        "events:UntagResource",
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Calls(
        "AWS::Events::Rule", "events:PutTargets events:ListTargetsByRule events:RemoveTargets", on="rule"
    ),
    "aws:cloudwatch/logGroup:LogGroup": Calls(
        "AWS::Logs::LogGroup",
        "logs:CreateLogGroup logs:DeleteLogGroup logs:PutRetentionPolicy logs:DeleteRetentionPolicy "
        "logs:ListTagsForResource logs:TagResource logs:UntagResource",
        everywhere="logs:DescribeLogGroups",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Calls(
        "AWS::CloudWatch::Alarm",
        "cloudwatch:PutMetricAlarm cloudwatch:DescribeAlarms cloudwatch:DeleteAlarms cloudwatch:ListTagsForResource "
        "cloudwatch:TagResource cloudwatch:UntagResource",
    ),
    "aws:dynamodb/table:Table": Calls(
        "AWS::DynamoDB::Table",
        "dynamodb:CreateTable dynamodb:DescribeTable dynamodb:UpdateTable dynamodb:DeleteTable "
        "dynamodb:DescribeTimeToLive dynamodb:UpdateTimeToLive dynamodb:DescribeContinuousBackups "
        "dynamodb:ListTagsOfResource dynamodb:TagResource dynamodb:UntagResource",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Calls(
        "AWS::EC2::LaunchTemplate",
        "ec2:CreateLaunchTemplate ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate ec2:DeleteLaunchTemplate "
        "ec2:CreateTags ec2:DeleteTags",
        everywhere="ec2:DescribeLaunchTemplates ec2:DescribeLaunchTemplateVersions",
    ),
    "aws:ec2/securityGroup:SecurityGroup": Calls(
        "AWS::EC2::SecurityGroup",
        "ec2:CreateSecurityGroup ec2:DeleteSecurityGroup ec2:AuthorizeSecurityGroupEgress "
        "ec2:RevokeSecurityGroupEgress ec2:CreateTags ec2:DeleteTags",
        everywhere="ec2:DescribeSecurityGroups ec2:DescribeNetworkInterfaces",
    ),
    "aws:iam/role:Role": Calls(
        "AWS::IAM::Role",
        "iam:CreateRole iam:GetRole iam:UpdateRole iam:UpdateAssumeRolePolicy iam:DeleteRole iam:ListRolePolicies "
        "iam:ListAttachedRolePolicies iam:ListInstanceProfilesForRole iam:TagRole iam:UntagRole",
    ),
    "aws:iam/rolePolicy:RolePolicy": Calls(
        "AWS::IAM::RolePolicy", "iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy", on="role"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Calls(
        "AWS::IAM::Role", "iam:AttachRolePolicy iam:ListAttachedRolePolicies iam:DetachRolePolicy", on="role"
    ),
    "aws:iam/instanceProfile:InstanceProfile": Calls(
        "AWS::IAM::InstanceProfile",
        "iam:CreateInstanceProfile iam:GetInstanceProfile iam:DeleteInstanceProfile iam:AddRoleToInstanceProfile "
        "iam:RemoveRoleFromInstanceProfile iam:TagInstanceProfile iam:UntagInstanceProfile",
    ),
    "aws:lambda/function:Function": Calls(
        "AWS::Lambda::Function",
        "lambda:CreateFunction lambda:GetFunction lambda:GetFunctionConfiguration lambda:UpdateFunctionCode "
        "lambda:UpdateFunctionConfiguration lambda:DeleteFunction lambda:GetFunctionCodeSigningConfig "
        "lambda:ListVersionsByFunction lambda:ListTags lambda:TagResource lambda:UntagResource",
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": Calls(
        "AWS::Lambda::Function",
        "lambda:GetFunctionRecursionConfig lambda:PutFunctionRecursionConfig",
        on="function",
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Calls(
        "AWS::Lambda::EventSourceMapping",
        "lambda:GetEventSourceMapping lambda:UpdateEventSourceMapping lambda:DeleteEventSourceMapping "
        "lambda:ListTags lambda:TagResource lambda:UntagResource",
        everywhere="lambda:CreateEventSourceMapping",
    ),
    "aws:sns/topic:Topic": Calls(
        "AWS::SNS::Topic",
        "sns:CreateTopic sns:GetTopicAttributes sns:SetTopicAttributes sns:DeleteTopic sns:ListTagsForResource "
        "sns:TagResource sns:UntagResource",
    ),
    "aws:sqs/queue:Queue": Calls(
        "AWS::SQS::Queue",
        "sqs:CreateQueue sqs:GetQueueAttributes sqs:SetQueueAttributes sqs:DeleteQueue sqs:ListQueueTags sqs:TagQueue "
        "sqs:UntagQueue",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Calls(
        "AWS::SQS::QueuePolicy", "sqs:SetQueueAttributes sqs:GetQueueAttributes", on="queue"
    ),
    "aws:ssm/parameter:Parameter": Calls(
        "AWS::SSM::Parameter",
        "ssm:PutParameter ssm:GetParameter ssm:GetParameters ssm:DeleteParameter ssm:ListTagsForResource "
        "ssm:AddTagsToResource ssm:RemoveTagsFromResource",
        everywhere="ssm:DescribeParameters",
    ),
}
# Of settings that not every stack has; by type of the resource that gets them, and by input.
BOUNDARY_CALLS = "iam:PutRolePermissionsBoundary iam:DeleteRolePermissionsBoundary"
KEY_CALLS: Mapping[tuple[str, str], str] = {
    ("Function", "kmsKeyArn"): "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey",
    ("Table", "serverSideEncryption"): "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt",
    ("Parameter", "keyId"): "kms:Encrypt kms:Decrypt",
}
LOG_KEY_CALLS = "logs:AssociateKmsKey logs:DisassociateKmsKey"
NETWORK_CALLS = "ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs"
# By function of the provider that the program calls. get_vpc also asks for attributes of the VPC.
LOOK_UPS: Mapping[str, str] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": "ec2:DescribeAvailabilityZones",
    "aws:index/getCallerIdentity:getCallerIdentity": "",  # sts:GetCallerIdentity, which nobody can be refused
    "aws:index/getPartition:getPartition": "",
    "aws:index/getRegion:getRegion": "",
    "aws:ec2/getSubnet:getSubnet": "ec2:DescribeSubnets",
    "aws:ec2/getSubnets:getSubnets": "ec2:DescribeSubnets",
    "aws:ec2/getVpc:getVpc": "ec2:DescribeVpcs ec2:DescribeRouteTables",
}


def requests_of(recording: Recording) -> Iterator[Request]:
    """Yield every request that deploying, changing and destroying these resources may need.

    Raises KeyError for a type whose calls are not known.
    """
    arns = _Arns(recording)
    for one in recording.resources:
        calls = CALLS[one.type_token]
        arn = arns.checked(one, calls.on)
        context = _context(one)
        yield from (Request(action, arn, context) for action in calls.actions.split())
        yield from (Request(action, "*", context) for action in calls.everywhere.split())
        yield from _more(one, arns)
        yield from _of_settings(one)


def _context(one: Registered) -> dict[str, str]:
    """What the policies' conditions may ask of a request about this resource."""
    tag = str(one.inputs.get("tags", {}).get(TAG, ""))
    context = {f"aws:RequestTag/{TAG}": tag, f"aws:ResourceTag/{TAG}": tag}
    if one.type_token == "aws:lambda/eventSourceMapping:EventSourceMapping":
        context["lambda:FunctionArn"] = str(one.outputs["functionArn"])
    return context


def _more(one: Registered, arns: _Arns) -> Iterator[Request]:
    """Yield the requests about other resources that come with one."""
    kind = one.type_token.rpartition(":")[2]
    if kind == "Function":
        yield _pass(str(one.inputs["role"]), "lambda.amazonaws.com")
    elif kind == "InstanceProfile":
        yield _pass(arns.of("aws:iam/role:Role", one.inputs["role"]), "ec2.amazonaws.com")
    elif kind == "JobDefinition":
        yield Request("batch:RegisterJobDefinition", str(one.outputs["arnPrefix"]))
        container = json.loads(one.inputs["containerProperties"])
        if role := container.get("executionRoleArn"):
            yield _pass(role, "ecs-tasks.amazonaws.com")
    elif kind == "JobQueue":
        for order in one.inputs["computeEnvironmentOrders"]:
            yield Request("batch:CreateJobQueue", order["computeEnvironment"])
            yield Request("batch:UpdateJobQueue", order["computeEnvironment"])
    elif kind == "ComputeEnvironment":
        service = "batch.amazonaws.com"
        arn = f"{arns.account}:role/aws-service-role/{service}/AWSServiceRoleForBatch"
        yield Request("iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": service})
        yield from (Request(action, "*") for actions in LOOK_UPS.values() for action in actions.split())
    elif kind in ("SecurityGroup", "LaunchTemplate"):
        yield Request("ec2:CreateTags", str(one.outputs["arn"]), {"ec2:CreateAction": f"Create{kind}"})
        if kind == "SecurityGroup":
            vpc = str(one.outputs["arn"]).rpartition(":")[0] + f":vpc/{one.inputs['vpcId']}"
            yield Request("ec2:CreateSecurityGroup", vpc)
            yield Request("ec2:DescribeVpcAttribute", vpc)  # get_vpc asks for DNS settings


def _of_settings(one: Registered) -> Iterator[Request]:
    """Yield the requests for settings that not every stack has."""
    kind, inputs, arn = one.type_token.rpartition(":")[2], one.inputs, str(one.outputs.get("arn"))
    if kind == "Role" and inputs.get("permissionsBoundary"):
        yield from (Request(action, arn) for action in BOUNDARY_CALLS.split())
    if kind == "LogGroup" and inputs.get("kmsKeyId"):
        yield from (Request(action, arn) for action in LOG_KEY_CALLS.split())
    if kind == "Function" and inputs.get("vpcConfig"):
        yield from (Request(action, "*") for action in NETWORK_CALLS.split())
    for (type_, name), actions in KEY_CALLS.items():
        value = inputs.get(name) if kind == type_ else None
        if key := value.get("kmsKeyArn") if isinstance(value, Mapping) else value:
            yield from (Request(action, str(key)) for action in actions.split())


def _pass(role: str, service: str) -> Request:
    return Request("iam:PassRole", role, {"iam:PassedToService": service})


class _Arns:
    """Finds the ARNs of resources in a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        role = str(recording.of_type("aws:iam/role:Role")[0].outputs["arn"])
        self.account = role.partition(":role/")[0]

    def of(self, type_token: str, name: str, output: str = "name") -> str:
        (found,) = [one for one in self._recording.of_type(type_token) if one.outputs[output] == name]
        return str(found.outputs["arn"])

    def checked(self, one: Registered, on: str) -> str:
        inputs = one.inputs
        if on == "rule":
            return self.of("aws:cloudwatch/eventRule:EventRule", inputs["rule"])
        if on == "role":
            return self.of("aws:iam/role:Role", inputs["role"])
        if on == "function":
            return self.of("aws:lambda/function:Function", inputs["functionName"])
        if on == "queue":
            return self.of("aws:sqs/queue:Queue", inputs["queueUrl"], "url")
        return str(one.outputs[on])


@functools.cache
def handler_actions(type_: str) -> frozenset[str]:
    """The permissions that the handlers of a CloudFormation type declare to create, read, update and delete.

    They are written by AWS's service teams; cfn-lint has them.
    """
    spec = importlib.util.find_spec("cfnlint")  # importing it would take a second
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "data" / "schemas"
    files = json.loads((folder / "providers" / "us-east-1.json").read_text())
    schema = json.loads((folder / "resources" / f"{files[type_]}.json").read_text())
    declared = (schema["handlers"].get(step, {}) for step in ("create", "read", "update", "delete"))
    return frozenset(action.lower() for one in declared for action in one.get("permissions", []))
