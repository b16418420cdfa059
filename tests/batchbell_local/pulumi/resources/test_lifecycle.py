"""Creates, reads, changes in place, reads again and deletes a resource of each type on the local cloud."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchbell_local.pulumi.resources import TABLE, Clients
from batchbell_local.pulumi.resources.property_values import ARCHIVE, ASSET, SIGNATURE

FILLED_IN_BY_AWS = {"computeResources", "metadataOptions"}  # AWS adds fields inside them
Make = Callable[["World"], dict[str, Any]]


def allow(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def code(text: str) -> dict[str, Any]:
    return {SIGNATURE: ARCHIVE, "assets": {"app.py": {SIGNATURE: ASSET, "text": text}}}


class World:
    """The resources that the cases refer to, created when first needed, with unique names."""

    def __init__(self, clients: Clients, check: Any) -> None:
        self._clients, self._check = clients, check
        self._made: dict[str, dict[str, Any]] = {}
        self.suffix = uuid.uuid4().hex[:8]

    def _make(self, key: str, token: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if key not in self._made:
            checked = self._check(token, {"name": f"{key}-{self.suffix}", **inputs})
            self._made[key] = TABLE[token].create(checked, self._clients)[1]
        return self._made[key]

    @property
    def role(self) -> dict[str, Any]:
        reading = {"name": "reading", "policy": allow("sqs:*")}
        inputs = {"assumeRolePolicy": trust("lambda.amazonaws.com"), "inlinePolicies": [reading]}
        return self._make("role", "aws:iam/role:Role", inputs)

    @property
    def queue(self) -> dict[str, Any]:
        return self._make("queue", "aws:sqs/queue:Queue", {})

    @property
    def queue_of_rules(self) -> dict[str, Any]:
        sender = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **sender}]})
        return self._make("rules", "aws:sqs/queue:Queue", {"policy": policy})

    @property
    def topic(self) -> dict[str, Any]:
        return self._make("topic", "aws:sns/topic:Topic", {})

    @property
    def rule(self) -> dict[str, Any]:
        return self._make("rule", "aws:cloudwatch/eventRule:EventRule", {"eventPattern": '{"source":["x"]}'})

    @property
    def function(self) -> dict[str, Any]:
        inputs = {
            "role": self.role["arn"],
            "runtime": "python3.11",
            "handler": "app.handler",
            "code": code("handler=1"),
        }
        return self._make("function", "aws:lambda/function:Function", inputs)

    @property
    def group(self) -> dict[str, Any]:
        return self._make("group", "aws:ec2/securityGroup:SecurityGroup", {})

    @property
    def group_id(self) -> str:
        return str(self.group["arn"]).rsplit("/", 1)[-1]

    @property
    def environment(self) -> dict[str, Any]:
        resources = {"type": "FARGATE", "maxVcpus": 4, "subnets": self.subnets, "securityGroupIds": [self.group_id]}
        inputs = {"type": "MANAGED", "computeResources": resources}
        return self._make("environment", "aws:batch/computeEnvironment:ComputeEnvironment", inputs)

    @property
    def subnets(self) -> list[str]:
        return [one["SubnetId"] for one in self._clients("ec2").describe_subnets()["Subnets"]]


@dataclass(frozen=True)
class Case:
    token: str
    first: Make
    second: Make | None  # None: the type has no change in place
    shown: tuple[str, ...] = field(default=())  # inputs that a read returns as they were set


CASES = [
    Case(
        "aws:sqs/queue:Queue",
        lambda w: {"visibilityTimeoutSeconds": 31, "tags": {"a": "1", "b": "2"}, "sqsManagedSseEnabled": True},
        lambda w: {"visibilityTimeoutSeconds": 45, "tags": {"a": "9"}, "sqsManagedSseEnabled": True},
        ("visibilityTimeoutSeconds", "tags"),
    ),
    Case(
        "aws:sqs/queuePolicy:QueuePolicy",
        lambda w: {"queueUrl": w.queue["url"], "policy": allow("sqs:SendMessage")},
        lambda w: {"queueUrl": w.queue["url"], "policy": allow("sqs:ReceiveMessage")},
        ("queueUrl", "policy"),
    ),
    Case(
        "aws:iam/role:Role",
        lambda w: {"assumeRolePolicy": trust("lambda.amazonaws.com"), "tags": {"a": "1"}},
        lambda w: {"assumeRolePolicy": trust("batch.amazonaws.com"), "description": "changed", "tags": {"b": "2"}},
        ("assumeRolePolicy", "description", "tags"),
    ),
    Case(
        "aws:iam/rolePolicy:RolePolicy",
        lambda w: {"role": w.role["name"], "policy": allow("s3:GetObject")},
        lambda w: {"role": w.role["name"], "policy": allow("s3:PutObject")},
        ("role", "policy"),
    ),
    Case(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda w: {"role": w.role["name"], "policyArn": "arn:aws:iam::aws:policy/AWSLambdaExecute"},
        None,
        ("role", "policyArn"),
    ),
    Case(
        "aws:iam/instanceProfile:InstanceProfile",
        lambda w: {"role": w.role["name"]},
        lambda w: {"tags": {"a": "1"}},
        ("role",),
    ),
    Case(
        "aws:iam/policy:Policy",
        lambda w: {"policy": allow("s3:GetObject")},
        lambda w: {"policy": allow("s3:PutObject")},
        ("policy",),
    ),
    Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda w: {"eventPattern": '{"source":["a"]}'},
        lambda w: {"eventPattern": '{"source":["b"]}', "state": "DISABLED", "description": "off"},
        ("eventPattern", "state", "description"),
    ),
    Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda w: {"scheduleExpression": "rate(5 minutes)"},
        lambda w: {"scheduleExpression": "rate(1 minute)"},
        ("scheduleExpression",),
    ),
    Case(
        "aws:cloudwatch/eventTarget:EventTarget",
        lambda w: {"rule": w.rule["name"], "targetId": "two", "arn": w.queue_of_rules["arn"], "input": '{"sweep":1}'},
        lambda w: {"rule": w.rule["name"], "targetId": "two", "arn": w.queue_of_rules["arn"], "input": '{"sweep":2}'},
        ("rule", "arn", "input"),
    ),
    Case(
        "aws:cloudwatch/eventTarget:EventTarget",
        lambda w: {"rule": w.rule["name"], "targetId": "one", "arn": w.queue_of_rules["arn"]},
        lambda w: {"rule": w.rule["name"], "targetId": "one", "arn": w.topic["arn"]},
        ("rule", "arn", "targetId"),
    ),
    Case(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda w: {"retentionInDays": 7},
        lambda w: {"retentionInDays": 14, "tags": {"a": "1"}},
        ("retentionInDays",),
    ),
    Case(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        lambda w: alarm(1, w),
        lambda w: alarm(5, w),
        ("threshold", "dimensions", "alarmActions", "comparisonOperator"),
    ),
    Case(
        "aws:lambda/function:Function",
        lambda w: function(w, "handler = 1", {"variables": {"A": "1"}}, 3),
        lambda w: function(w, "handler = 2", {"variables": {"A": "2"}}, 5),
        ("environment", "timeout", "role", "handler"),
    ),
    Case(
        "aws:lambda/permission:Permission",
        lambda w: {
            "function": w.function["name"],
            "action": "lambda:InvokeFunction",
            "principal": "sns.amazonaws.com",
            "sourceArn": w.topic["arn"],
        },
        None,
        ("function", "action", "principal"),
    ),
    Case(
        "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
        lambda w: {"functionName": w.function["name"], "recursiveLoop": "Allow"},
        None,
        ("functionName", "recursiveLoop"),
    ),
    Case(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        lambda w: {"functionName": w.function["arn"], "eventSourceArn": w.queue["arn"], "batchSize": 3},
        lambda w: {
            "functionName": w.function["name"],
            "eventSourceArn": w.queue["arn"],
            "batchSize": 5,
            "functionResponseTypes": ["ReportBatchItemFailures"],
            "scalingConfig": {"maximumConcurrency": 2},
        },
        ("batchSize", "functionResponseTypes", "scalingConfig"),
    ),
    Case(
        "aws:dynamodb/table:Table",
        lambda w: {"hashKey": "k", "attributes": [{"name": "k", "type": "S"}], "billingMode": "PAY_PER_REQUEST"},
        lambda w: {
            "hashKey": "k",
            "attributes": [{"name": "k", "type": "S"}, {"name": "i", "type": "S"}],
            "billingMode": "PAY_PER_REQUEST",
            "ttl": {"enabled": True, "attributeName": "expires"},
            "globalSecondaryIndexes": [{"name": "by-i", "hashKey": "i", "projectionType": "ALL"}],
            "tags": {"a": "1"},
        },
        ("hashKey", "attributes", "ttl", "billingMode", "globalSecondaryIndexes"),
    ),
    Case("aws:sns/topic:Topic", lambda w: {"displayName": "one"}, lambda w: {"displayName": "two"}, ("displayName",)),
    Case(
        "aws:sns/topicPolicy:TopicPolicy",
        lambda w: {"arn": w.topic["arn"], "policy": allow("sns:Publish")},
        lambda w: {"arn": w.topic["arn"], "policy": allow("sns:Subscribe")},
        ("arn", "policy"),
    ),
    Case(
        "aws:sns/topicSubscription:TopicSubscription",
        lambda w: {"topic": w.topic["arn"], "protocol": "sqs", "endpoint": w.queue["arn"]},
        lambda w: {
            "topic": w.topic["arn"],
            "protocol": "sqs",
            "endpoint": w.queue["arn"],
            "rawMessageDelivery": True,
            "filterPolicy": '{"a":["b"]}',
        },
        ("topic", "protocol", "endpoint", "rawMessageDelivery", "filterPolicy"),
    ),
    Case(
        "aws:ssm/parameter:Parameter",
        lambda w: {"name": f"/batch/{w.suffix}", "type": "SecureString", "value": "one", "tags": {"a": "1"}},
        lambda w: {"name": f"/batch/{w.suffix}", "type": "SecureString", "value": "two", "tags": {"b": "2"}},
        ("type", "value", "tags"),
    ),
    Case(
        "aws:sesv2/emailIdentity:EmailIdentity",
        lambda w: {"emailIdentity": f"{w.suffix}@example.com"},
        None,
        ("emailIdentity",),
    ),
    Case(
        "aws:ec2/securityGroup:SecurityGroup",
        lambda w: {"egress": [rule(443)]},
        lambda w: {"egress": [rule(80)], "ingress": [rule(22)], "tags": {"a": "1"}},
        ("egress", "ingress"),
    ),
    Case(
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        lambda w: separate_rule(w, 443),
        lambda w: separate_rule(w, 8443),
        ("fromPort", "toPort", "cidrIpv4", "ipProtocol", "securityGroupId"),
    ),
    Case(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        lambda w: separate_rule(w, 443),
        lambda w: separate_rule(w, 8443),
        ("fromPort", "toPort", "cidrIpv4", "ipProtocol", "securityGroupId"),
    ),
    Case(
        "aws:ec2/launchTemplate:LaunchTemplate",
        lambda w: {"metadataOptions": {"httpTokens": "optional"}},
        lambda w: {
            "metadataOptions": {"httpTokens": "required", "httpEndpoint": "enabled"},
            "userData": base64.b64encode(b"#!/bin/sh").decode(),
        },
        ("metadataOptions", "userData"),
    ),
    Case(
        "aws:batch/computeEnvironment:ComputeEnvironment",
        lambda w: environment(w, 4),
        lambda w: environment(w, 8) | {"updatePolicy": {"jobExecutionTimeoutMinutes": 10}},
        ("type", "computeResources"),
    ),
    Case(
        "aws:batch/jobQueue:JobQueue",
        lambda w: queue(w, 1),
        lambda w: queue(w, 2),
        ("priority", "state", "computeEnvironmentOrders"),
    ),
    Case(
        "aws:batch/jobDefinition:JobDefinition",
        lambda w: {"type": "container", "containerProperties": container("echo"), "tags": {"a": "1"}},
        lambda w: {"type": "container", "containerProperties": container("true"), "timeout": duration(90)},
        ("type", "containerProperties", "timeout"),
    ),
]


def alarm(threshold: int, world: World) -> dict[str, Any]:
    return {
        "namespace": "AWS/SQS",
        "metricName": "ApproximateNumberOfMessagesVisible",
        "statistic": "Maximum",
        "period": 60,
        "evaluationPeriods": 1,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": threshold,
        "dimensions": {"QueueName": world.queue["name"]},
        "alarmActions": [world.topic["arn"]],
    }


def function(world: World, text: str, environment: dict[str, Any], timeout: int) -> dict[str, Any]:
    return {
        "role": world.role["arn"],
        "runtime": "python3.11",
        "handler": "app.handler",
        "timeout": timeout,
        "environment": environment,
        "code": code(text),
    }


def rule(port: int) -> dict[str, Any]:
    return {"protocol": "tcp", "fromPort": port, "toPort": port, "cidrBlocks": ["10.0.0.0/8"]}


def separate_rule(world: World, port: int) -> dict[str, Any]:
    group = world.group_id
    return {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": "10.0.0.0/8"}


def environment(world: World, vcpus: int) -> dict[str, Any]:
    resources = {"type": "FARGATE", "maxVcpus": vcpus, "subnets": world.subnets, "securityGroupIds": [world.group_id]}
    return {"type": "MANAGED", "computeResources": resources}


def queue(world: World, priority: int) -> dict[str, Any]:
    orders = [{"order": 1, "computeEnvironment": world.environment["arn"]}]
    return {"priority": priority, "state": "ENABLED", "computeEnvironmentOrders": orders}


def container(command: str) -> str:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
    return json.dumps({"image": "busybox", "command": [command], "resourceRequirements": needs})


def duration(seconds: int) -> dict[str, int]:
    return {"attemptDurationSeconds": seconds}


@pytest.fixture(scope="module")
def world(clients: Clients, check: Any) -> World:
    return World(clients, check)


def test_every_type_of_the_table_has_a_case():
    assert {case.token for case in CASES} == set(TABLE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.token.rsplit(":", 1)[-1])
def test_a_resource_is_created_updated_and_deleted(case, clients, check, world):
    type_ = TABLE[case.token]
    name = f"case-{uuid.uuid4().hex[:8]}"
    first = check(case.token, case.first(world), name=name)
    id, outputs = type_.create(first, clients)
    assert_shows(type_, id, first, case, clients)
    if case.second is not None:
        second = check(case.token, case.second(world), first, name)
        assert type_.diff(first, second).changes
        assert not type_.diff(first, second).replaces
        updated = type_.update(id, first, second, clients)
        assert_shows(type_, updated["arn"] if case.token.endswith("JobDefinition") else id, second, case, clients)
        outputs = updated
    type_.delete(id, outputs, clients)
    assert type_.read(id, clients) is None
    type_.delete(id, outputs, clients)


def assert_shows(type_: Any, id: str, wanted: dict[str, Any], case: Case, clients: Clients) -> None:
    found = type_.read(id, clients)
    assert found is not None
    for name in case.shown:
        if name in wanted:
            assert type_.same(name, found[0].get(name), wanted[name]) or (
                name in FILLED_IN_BY_AWS and wanted[name].items() <= found[0][name].items()
            ), f"{name}: {found[0].get(name)} is not {wanted[name]}"


@pytest.mark.parametrize(("deregister", "active"), [(True, [2]), (False, [1, 2])])
def test_a_new_revision_of_a_job_definition_deregisters_the_last_one_unless_disabled(
    deregister, active, clients, check
):
    token = "aws:batch/jobDefinition:JobDefinition"
    name = f"revisions-{uuid.uuid4().hex[:8]}"

    def wanted(command: str) -> dict[str, Any]:
        properties = {"type": "container", "name": name, "containerProperties": container(command)}
        checked: dict[str, Any] = check(token, properties | {"deregisterOnNewRevision": deregister})
        return checked

    first = wanted("echo")
    id, outputs = TABLE[token].create(first, clients)
    updated = TABLE[token].update(id, first, wanted("true"), clients)
    assert (updated["revision"], updated["arnPrefix"]) == (2, outputs["arnPrefix"])
    found = clients("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    assert sorted(one["revision"] for one in found) == active


def test_changed_tags_of_a_job_definition_do_not_make_a_revision(clients, check):
    token = "aws:batch/jobDefinition:JobDefinition"
    base = {"type": "container", "name": f"tags-{uuid.uuid4().hex[:8]}", "containerProperties": container("echo")}
    first = check(token, base | {"tags": {"a": "1"}})
    id, _ = TABLE[token].create(first, clients)
    assert TABLE[token].update(id, first, check(token, base | {"tags": {"b": "2"}}), clients)["revision"] == 1
    assert clients("batch").list_tags_for_resource(resourceArn=id)["tags"] == {"b": "2"}


def test_a_compute_environment_that_a_queue_refers_to_cannot_be_deleted(clients, check, world):
    token = "aws:batch/jobQueue:JobQueue"
    queue_inputs = check(token, queue(world, 1), name=f"holder-{uuid.uuid4().hex[:8]}")
    id, _ = TABLE[token].create(queue_inputs, clients)
    environment_type = TABLE["aws:batch/computeEnvironment:ComputeEnvironment"]
    with pytest.raises(ClientError, match="found existing JobQueue relationship"):
        environment_type.delete(world.environment["name"], {}, clients)
    TABLE[token].delete(id, queue_inputs, clients)


def test_a_security_group_without_egress_lets_nothing_out(clients, check):
    token = "aws:ec2/securityGroup:SecurityGroup"
    id, _ = TABLE[token].create(check(token, {}, name=f"closed-{uuid.uuid4().hex[:8]}"), clients)
    assert clients("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"][0]["IpPermissionsEgress"] == []
