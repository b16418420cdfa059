"""Translates recorded resources from the names of pulumi_aws to CloudFormation's.

It shares nothing with local AWS: a name or a form is CloudFormation's own (AWS CloudFormation User Guide, "Resource and
property reference"), and a property that stays unknown is a finding of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.judges.cfn_schemas import CfnSchemas, is_tag_list, resolve
from tests.judges.registered import Registered

Inputs = dict[str, Any]

# The names that are not the provider's in PascalCase, at any depth.
NAMES: Mapping[str, Mapping[str, str]] = {
    "AWS::Batch::ComputeEnvironment": {
        "name": "ComputeEnvironmentName",
        "minVcpus": "MinvCpus",
        "maxVcpus": "MaxvCpus",
        "ec2Configurations": "Ec2Configuration",
    },
    "AWS::Batch::JobDefinition": {"name": "JobDefinitionName"},
    "AWS::Batch::JobQueue": {"name": "JobQueueName", "computeEnvironmentOrders": "ComputeEnvironmentOrder"},
    "AWS::CloudWatch::Alarm": {"name": "AlarmName", "okActions": "OKActions"},
    "AWS::DynamoDB::Table": {"name": "TableName"},
    "AWS::EC2::LaunchTemplate": {"name": "LaunchTemplateName", "description": "VersionDescription"},
    "AWS::EC2::SecurityGroup": {"name": "GroupName", "description": "GroupDescription"},
    "AWS::IAM::InstanceProfile": {"name": "InstanceProfileName"},
    "AWS::IAM::ManagedPolicy": {"name": "ManagedPolicyName", "policy": "PolicyDocument"},
    "AWS::IAM::Role": {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
    "AWS::IAM::RolePolicy": {"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    "AWS::Lambda::Function": {"name": "FunctionName", "ipv6AllowedForDualStack": "Ipv6AllowedForDualStack"},
    "AWS::Logs::LogGroup": {"name": "LogGroupName"},
    "AWS::SNS::Topic": {"name": "TopicName"},
    "AWS::SQS::Queue": {
        "name": "QueueName",
        "visibilityTimeoutSeconds": "VisibilityTimeout",
        "messageRetentionSeconds": "MessageRetentionPeriod",
        "maxMessageSize": "MaximumMessageSize",
        "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    },
    "AWS::SQS::QueuePolicy": {"policy": "PolicyDocument"},
}
TYPES: Mapping[str, str] = {
    "aws:batch/computeEnvironment:ComputeEnvironment": "AWS::Batch::ComputeEnvironment",
    "aws:batch/jobDefinition:JobDefinition": "AWS::Batch::JobDefinition",
    "aws:batch/jobQueue:JobQueue": "AWS::Batch::JobQueue",
    "aws:cloudwatch/eventRule:EventRule": "AWS::Events::Rule",
    "aws:cloudwatch/logGroup:LogGroup": "AWS::Logs::LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "AWS::CloudWatch::Alarm",
    "aws:dynamodb/table:Table": "AWS::DynamoDB::Table",
    "aws:ec2/launchTemplate:LaunchTemplate": "AWS::EC2::LaunchTemplate",
    "aws:ec2/securityGroup:SecurityGroup": "AWS::EC2::SecurityGroup",
    "aws:iam/instanceProfile:InstanceProfile": "AWS::IAM::InstanceProfile",
    "aws:iam/policy:Policy": "AWS::IAM::ManagedPolicy",
    "aws:iam/role:Role": "AWS::IAM::Role",
    "aws:iam/rolePolicy:RolePolicy": "AWS::IAM::RolePolicy",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "AWS::Lambda::EventSourceMapping",
    "aws:lambda/function:Function": "AWS::Lambda::Function",
    "aws:sns/topic:Topic": "AWS::SNS::Topic",
    "aws:sqs/queue:Queue": "AWS::SQS::Queue",
    "aws:sqs/queuePolicy:QueuePolicy": "AWS::SQS::QueuePolicy",
    "aws:ssm/parameter:Parameter": "AWS::SSM::Parameter",
}
# Resources of the provider's own that are a property of another resource in CloudFormation: that resource's type, the
# input that refers to it, and the output that it refers to.
PARTS: Mapping[str, tuple[str, str, str]] = {
    "aws:cloudwatch/eventTarget:EventTarget": ("aws:cloudwatch/eventRule:EventRule", "rule", "name"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("aws:iam/role:Role", "role", "name"),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": (
        "aws:lambda/function:Function",
        "functionName",
        "name",
    ),
}
# Inputs without a property: how the provider works, or what CloudFormation cannot do and the API can.
WITHOUT_PROPERTY: Mapping[str, set[str]] = {
    "AWS::Batch::JobDefinition": {"deregisterOnNewRevision"},
    "AWS::IAM::InstanceProfile": {"tags"},
    "AWS::Logs::LogGroup": {"skipDestroy"},
    "AWS::SSM::Parameter": {"keyId", "overwrite"},
}
TEXTS: Mapping[Any, Any] = {"true": True, "false": False}


@dataclass(frozen=True)
class CfnResource:
    """A resource in CloudFormation's terms. `place`: the provider's type and the logical name."""

    place: str
    type: str
    properties: Mapping[str, Any]


def cfn_resources(resources: Sequence[Registered], schemas: CfnSchemas) -> Iterator[CfnResource]:
    """Raises KeyError for a type that nobody translated, and LookupError for a part of a resource that is not there."""
    for one in resources:
        if one.type_token.startswith("pulumi:providers:"):
            continue
        if one.type_token in PARTS:
            if not any(part is one for whole in resources for part in _parts_of(whole, resources)):
                raise LookupError(f"{_place(one)}: what it belongs to is not registered")
            continue
        type_ = TYPES[one.type_token]
        schema = schemas.properties(type_)
        inputs = {**one.inputs, **_name(one)}
        for part in _parts_of(one, resources):
            _add_part(part, inputs)
        inputs = _FORMS.get(type_, lambda given: given)(inputs)
        left_out = WITHOUT_PROPERTY.get(type_, set()) | {"namePrefix", "region"}
        kept = {name: value for name, value in inputs.items() if name not in left_out}
        yield CfnResource(_place(one), type_, _shaped(kept, schema, schema, NAMES.get(type_, {})))


def _place(one: Registered) -> str:
    return f"{one.type_token.rpartition(':')[2]} {one.name}"


def _name(one: Registered) -> Inputs:
    """The name that AWS gets, also where the provider generates it."""
    return {"name": one.outputs["name"]} if "name" in one.outputs else {}


def _parts_of(whole: Registered, resources: Sequence[Registered]) -> Iterator[Registered]:
    for one in resources:
        token, reference, output = PARTS.get(one.type_token, ("", "", ""))
        if token == whole.type_token and one.inputs[reference] == whole.outputs[output]:
            yield one


def _add_part(part: Registered, inputs: Inputs) -> None:
    if part.type_token.endswith(":EventTarget"):
        target = {name: value for name, value in part.inputs.items() if name not in ("rule", "targetId")}
        inputs.setdefault("targets", []).append({"id": part.outputs["targetId"], **target})
    elif part.type_token.endswith(":RolePolicyAttachment"):
        inputs.setdefault("managedPolicyArns", []).append(part.inputs["policyArn"])
    else:
        inputs["recursiveLoop"] = part.inputs["recursiveLoop"]


def _shaped(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    """Return the value with CloudFormation's names; the schema says what is an object, a free map or a document."""
    schema = resolve(schema, root)
    types = schema.get("type", ())
    if isinstance(value, str) and "object" in types:
        value = json.loads(value)
        if schema is not root and "properties" not in schema:
            return value
    if isinstance(value, str) and types == "boolean":
        return TEXTS.get(value, value)
    if isinstance(value, dict) and is_tag_list(schema, root):
        return [{"Key": key, "Value": text} for key, text in value.items()]
    if isinstance(value, dict) and "properties" in schema:
        of = schema["properties"]
        named = {key if key in of else names.get(key, key[:1].upper() + key[1:]): item for key, item in value.items()}
        return {key: _shaped(item, of.get(key, {}), root, names) for key, item in named.items()}
    if isinstance(value, list) and "items" in schema:
        return [_shaped(item, schema["items"], root, names) for item in value]
    return value


def _alarm(inputs: Inputs) -> Inputs:
    dimensions = [{"Name": name, "Value": value} for name, value in inputs.get("dimensions", {}).items()]
    return {**inputs, "dimensions": dimensions}


def _function(inputs: Inputs) -> Inputs:
    """The code is an archive: CloudFormation takes a text, or an object of a bucket."""
    return {**inputs, "code": {"zipFile": "def handler(): ..."}}


def _launch_template(inputs: Inputs) -> Inputs:
    template: Inputs = {name: inputs[name] for name in ("name", "description") if name in inputs}
    data = _without(inputs, "name", "description", "tags")
    if mappings := data.get("blockDeviceMappings"):
        # The provider has texts for these booleans.
        data["blockDeviceMappings"] = [
            {**one, "ebs": {name: TEXTS.get(value, value) for name, value in one["ebs"].items()}} for one in mappings
        ]
    if tags := inputs.get("tags"):
        template["tagSpecifications"] = [{"resourceType": "launch-template", "tags": tags}]
    return {**template, "launchTemplateData": data}


def _parameter(inputs: Inputs) -> Inputs:
    """CloudFormation cannot create a SecureString ("AWS::SSM::Parameter", Type)."""
    return {**inputs, "type": "String" if inputs.get("type") == "SecureString" else inputs.get("type")}


def _profile(inputs: Inputs) -> Inputs:
    return {**_without(inputs, "role"), "roles": [inputs["role"]] if "role" in inputs else []}


def _queue_policy(inputs: Inputs) -> Inputs:
    return {**_without(inputs, "queueUrl"), "queues": [inputs["queueUrl"]]}


def _security_group(inputs: Inputs) -> Inputs:
    rest = _without(inputs, "egress", "ingress", "revokeRulesOnDelete")
    for direction in ("egress", "ingress"):
        rules = [
            {**_without(rule, "protocol", "cidrBlocks"), "ipProtocol": rule["protocol"], "cidrIp": cidr}
            for rule in inputs.get(direction, ())
            for cidr in rule.get("cidrBlocks", [None])
        ]
        # All protocols have all ports: the provider wants 0 there, and CloudFormation nothing.
        rules = [_without(one, "fromPort", "toPort") if one["ipProtocol"] == "-1" else one for one in rules]
        rest |= {f"securityGroup{direction.capitalize()}": rules} if rules else {}
    return rest


def _table(inputs: Inputs) -> Inputs:
    rest = _without(inputs, "attributes", "hashKey", "rangeKey", "globalSecondaryIndexes", "ttl")
    rest["attributeDefinitions"] = [
        {"attributeName": one["name"], "attributeType": one["type"]} for one in inputs["attributes"]
    ]
    rest["keySchema"] = _keys(inputs)
    if indexes := inputs.get("globalSecondaryIndexes"):
        rest["globalSecondaryIndexes"] = [
            {
                "indexName": one["name"],
                "keySchema": one.get("keySchemas") or _keys(one),
                "projection": {"projectionType": one["projectionType"]},
            }
            for one in indexes
        ]
    if "ttl" in inputs:
        rest["timeToLiveSpecification"] = inputs["ttl"]
    if encryption := rest.pop("serverSideEncryption", None):
        key = {"KMSMasterKeyId": encryption["kmsKeyArn"], "SSEType": "KMS"} if "kmsKeyArn" in encryption else {}
        rest["SSESpecification"] = {"SSEEnabled": encryption["enabled"], **key}
    if recovery := rest.pop("pointInTimeRecovery", None):
        rest["pointInTimeRecoverySpecification"] = {"pointInTimeRecoveryEnabled": recovery["enabled"]}
    return rest


def _keys(of: Inputs) -> list[Inputs]:
    kinds = {"hashKey": "HASH", "rangeKey": "RANGE"}
    return [{"attributeName": of[name], "keyType": kind} for name, kind in kinds.items() if of.get(name)]


def _without(inputs: Mapping[str, Any], *names: str) -> Inputs:
    return {name: value for name, value in inputs.items() if name not in names}


_FORMS: Mapping[str, Callable[[Inputs], Inputs]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::DynamoDB::Table": _table,
    "AWS::EC2::LaunchTemplate": _launch_template,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::IAM::InstanceProfile": _profile,
    "AWS::Lambda::Function": _function,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _parameter,
}
