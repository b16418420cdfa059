"""Whether a change is made in place, replaces the resource, or deletes the old one first. No cloud."""

from __future__ import annotations

import json

import pytest

from batchbell_local.pulumi.resources import TABLE
from batchbell_local.pulumi.resources.property_values import ARCHIVE, ASSET, SIGNATURE, UNKNOWN

QUEUE = "aws:sqs/queue:Queue"
ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
JOB_DEFINITION = "aws:batch/jobDefinition:JobDefinition"
FUNCTION = "aws:lambda/function:Function"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TABLE_TYPE = "aws:dynamodb/table:Table"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
OWN_ROLE = "arn:aws:iam::123456789012:role/batch"
LINKED_ROLE = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
PROGRESSIVE = {"allocationStrategy": "BEST_FIT_PROGRESSIVE"}


def environment(role=None, **resources):
    wanted = {"type": "EC2", "maxVcpus": 4, "subnets": ["subnet-1"], **resources}
    return {"type": "MANAGED", "computeResources": wanted} | ({"serviceRole": role} if role else {})


def diff(check, token, old, new):
    before = check(token, old)
    return TABLE[token].diff(before, check(token, new, before))


def container(**more):
    return json.dumps({"image": "busybox", "command": ["echo"], **more})


def definition(properties, **more):
    return {"type": "container", "containerProperties": properties, **more}


def function(text):
    code = {SIGNATURE: ARCHIVE, "assets": {"app.py": {SIGNATURE: ASSET, "text": text}}}
    return {"role": "arn:aws:iam::123456789012:role/r", "runtime": "python3.11", "handler": "app.h", "code": code}


def test_the_same_inputs_change_nothing(check):
    found = diff(check, QUEUE, {"tags": {"a": "1"}}, {"tags": {"a": "1"}})
    assert not found.changes
    assert not found.replaces


def test_a_setting_changes_in_place(check):
    found = diff(check, QUEUE, {}, {"delaySeconds": 1})
    assert found.changes == {"delaySeconds"}
    assert not found.replaces


def test_a_new_name_replaces_and_deletes_first(check):
    found = diff(check, QUEUE, {"name": "a"}, {"name": "b"})
    assert found.replaces == {"name"}
    assert found.delete_before_replace


def test_whatever_replaces_a_named_resource_deletes_it_first(check):
    found = diff(
        check, ENVIRONMENT, {"name": "own", **environment()}, {"name": "own", **environment(placementGroup="p")}
    )
    assert found.replaces == {"computeResources.placementGroup"}
    assert found.delete_before_replace


def test_a_resource_with_a_generated_name_is_created_before_the_old_one_is_deleted(check):
    found = diff(check, ENVIRONMENT, environment(), environment(placementGroup="p"))
    assert found.replaces
    assert not found.delete_before_replace


def test_a_resource_with_a_name_prefix_is_created_before_the_old_one_is_deleted(check):
    prefix = {"namePrefix": "print-color-"}
    found = diff(check, ENVIRONMENT, prefix | environment(), prefix | environment(placementGroup="p"))
    assert not found.delete_before_replace


def test_an_attachment_always_deletes_first(check):
    one, other = "arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B"
    assert diff(
        check, ATTACHMENT, {"role": "r", "policyArn": one}, {"role": "r", "policyArn": other}
    ).delete_before_replace


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        (environment(**PROGRESSIVE), environment(subnets=["subnet-2"], **PROGRESSIVE), set()),
        (environment(LINKED_ROLE, **PROGRESSIVE), environment(LINKED_ROLE, imageId="ami-1", **PROGRESSIVE), set()),
        (environment(OWN_ROLE, **PROGRESSIVE), environment(OWN_ROLE, imageId="ami-1", **PROGRESSIVE), {"imageId"}),
        (environment(), environment(subnets=["subnet-2"]), {"subnets"}),
        (environment(), environment(instanceTypes=["optimal"]), {"instanceTypes"}),
        (environment(), environment(**PROGRESSIVE), {"allocationStrategy"}),
        (environment(), environment(maxVcpus=8), set()),
        (environment(type="FARGATE"), environment(type="FARGATE", subnets=["subnet-2"]), set()),
        (environment(**PROGRESSIVE), environment(spotIamFleetRole=OWN_ROLE, **PROGRESSIVE), {"spotIamFleetRole"}),
    ],
    ids=[
        "subnets of an updatable one",
        "service-linked role",
        "own role",
        "subnets, no strategy",
        "instance types, no strategy",
        "to a strategy",
        "vCPUs",
        "subnets on Fargate",
        "fleet role",
    ],
)
def test_what_replaces_a_compute_environment_depends_on_role_and_strategy(old, new, replaces, check):
    assert diff(check, ENVIRONMENT, old, new).replaces == {f"computeResources.{name}" for name in replaces}


def launch(version, **more):
    return environment(launchTemplate={"launchTemplateId": "lt-1", "version": version}, **more)


def test_a_new_launch_template_version_is_in_place_only_if_the_environment_is_updatable(check):
    assert not diff(check, ENVIRONMENT, launch("1", **PROGRESSIVE), launch("2", **PROGRESSIVE)).replaces
    assert diff(check, ENVIRONMENT, launch("1"), launch("2")).replaces


def test_adding_a_launch_template_always_replaces(check):
    found = diff(check, ENVIRONMENT, environment(**PROGRESSIVE), launch("1", **PROGRESSIVE))
    assert found.replaces == {"computeResources.launchTemplate"}


def test_a_version_unknown_in_a_preview_replaces_an_environment_that_is_not_updatable(check):
    assert diff(check, ENVIRONMENT, launch("1"), launch(UNKNOWN)).replaces
    assert not diff(check, ENVIRONMENT, launch("1", **PROGRESSIVE), launch(UNKNOWN, **PROGRESSIVE)).replaces


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (container(), container(environment=[], volumes=[])),
        (
            container(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
            container(environment=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]),
        ),
        (container(), container(environment=[{"name": "A", "value": ""}])),
        (container(), container(fargatePlatformConfiguration={"platformVersion": "LATEST"})),
    ],
    ids=["empty lists", "order of the environment", "empty variable", "latest Fargate"],
)
def test_equivalent_container_properties_are_not_a_change(old, new, check):
    assert not diff(check, JOB_DEFINITION, definition(old), definition(new)).changes


def test_other_container_properties_are_a_revision_not_a_replacement(check):
    found = diff(check, JOB_DEFINITION, definition(container()), definition(container(image="alpine")))
    assert found.changes == {"containerProperties"}
    assert not found.replaces


def test_an_added_retry_rule_replaces_a_job_definition_and_a_changed_one_does_not(check):
    def retries(*codes):
        exits = [{"action": "EXIT", "onExitCode": code} for code in codes]
        return definition(container(), retryStrategy={"attempts": 2, "evaluateOnExits": exits})

    assert diff(check, JOB_DEFINITION, retries("1"), retries("1", "2")).replaces == {"retryStrategy"}
    assert not diff(check, JOB_DEFINITION, retries("1"), retries("2")).replaces


def test_code_changes_by_content_and_in_place(check):
    assert not diff(check, FUNCTION, function("a = 1"), function("a = 1")).changes
    found = diff(check, FUNCTION, function("a = 1"), function("a = 2"))
    assert found.changes == {"code"}
    assert not found.replaces


def test_archives_that_have_only_hashes_are_compared_by_them(check):
    before = check(FUNCTION, function("a = 1"))
    one, same, other = ({**before, "code": {SIGNATURE: ARCHIVE, "hash": text}} for text in ("x", "x", "y"))
    assert not TABLE[FUNCTION].diff(one, same).changes
    assert TABLE[FUNCTION].diff(one, other).changes == {"code"}


def test_adding_a_durable_configuration_replaces_a_function(check):
    found = diff(check, FUNCTION, function(""), function("") | {"durableConfig": {"executionTimeout": 60}})
    assert found.replaces == {"durableConfig"}


def test_an_equivalent_policy_is_not_a_change(check):
    one = '{"Version":"2012-10-17","Statement":[]}'
    other = '{ "Statement": [], "Version": "2012-10-17" }'
    policy = "aws:iam/rolePolicy:RolePolicy"
    assert not diff(check, policy, {"role": "r", "policy": one}, {"role": "r", "policy": other}).changes


def test_the_order_of_a_tables_attributes_is_not_a_change(check):
    attributes = [{"name": "k", "type": "S"}, {"name": "r", "type": "S"}]
    keys = {"hashKey": "k", "rangeKey": "r", "billingMode": "PAY_PER_REQUEST"}
    assert not diff(
        check, TABLE_TYPE, keys | {"attributes": attributes}, keys | {"attributes": attributes[::-1]}
    ).changes


def indexed(*indexes, type_="N"):
    attributes = [{"name": name, "type": "S"} for name in "kab"] + [{"name": "sent", "type": type_}]
    named = [{"name": f"by-{number}", "projectionType": "KEYS_ONLY"} | one for number, one in enumerate(indexes)]
    base = {"hashKey": "k", "billingMode": "PAY_PER_REQUEST", "attributes": attributes}
    return base | {"globalSecondaryIndexes": named}


def schema(*names):
    return {"keySchemas": [{"attributeName": name, "keyType": kind} for name, kind in zip(names, KINDS, strict=False)]}


KINDS = ("HASH", "RANGE")
BOTH = (schema("a", "sent"), schema("b"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (indexed(*BOTH), indexed({"hashKey": "a", "rangeKey": "sent"}, {"hashKey": "b"})),
        (
            indexed(*BOTH),
            indexed(*BOTH) | {"globalSecondaryIndexes": indexed(*BOTH)["globalSecondaryIndexes"][::-1]},
        ),
        (indexed(*BOTH), indexed(BOTH[0] | {"readCapacity": 0}, BOTH[1])),
        (
            indexed(BOTH[0] | {"projectionType": "INCLUDE", "nonKeyAttributes": ["x", "y"]}, BOTH[1]),
            indexed(BOTH[0] | {"projectionType": "INCLUDE", "nonKeyAttributes": ["y", "x"]}, BOTH[1]),
        ),
        (indexed(*BOTH), indexed(*BOTH, type_="S")),
    ],
    ids=["form of the keys", "order", "no capacity", "order of attributes", "attributes alone"],
)
def test_an_equivalent_index_is_not_a_change(old, new, check):
    assert not diff(check, TABLE_TYPE, old, new).changes


@pytest.mark.parametrize(
    "new",
    [
        indexed(schema("a", "sent"), schema("b", "a")),
        indexed(BOTH[0], BOTH[1] | {"projectionType": "ALL"}),
        indexed(BOTH[0], BOTH[1] | {"name": "other"}),
        indexed(*BOTH) | {"globalSecondaryIndexes": UNKNOWN},
    ],
    ids=["keys", "projection", "name", "not known yet"],
)
def test_a_different_index_is_a_change_in_place(new, check):
    found = diff(check, TABLE_TYPE, indexed(*BOTH), new)
    assert found.changes == {"globalSecondaryIndexes"}
    assert not found.replaces


def test_a_new_attribute_comes_with_its_index_in_place(check):
    bare = {"hashKey": "k", "billingMode": "PAY_PER_REQUEST", "attributes": [{"name": "k", "type": "S"}]}
    index = {"name": "by-i", "projectionType": "ALL", **schema("i")}
    more = bare | {"attributes": [*bare["attributes"], {"name": "i", "type": "N"}], "globalSecondaryIndexes": [index]}
    found = diff(check, TABLE_TYPE, bare, more)
    assert found.changes == {"attributes", "globalSecondaryIndexes"}
    assert not found.replaces


def test_the_order_of_an_alarms_actions_is_not_a_change(check):
    one, other = (f"arn:aws:sns:us-east-1:123456789012:{name}" for name in ("a", "b"))
    metric = {"namespace": "n", "metricName": "m", "period": 60, "statistic": "Sum", "threshold": 0}
    alarm = metric | {"evaluationPeriods": 1, "comparisonOperator": "GreaterThanThreshold"}
    assert not diff(
        check, ALARM, alarm | {"alarmActions": [one, other]}, alarm | {"alarmActions": [other, one]}
    ).changes
    assert not diff(check, ALARM, alarm, alarm | {"alarmActions": []}).changes
    assert diff(check, ALARM, alarm, alarm | {"alarmActions": [one]}).changes == {"alarmActions"}


def test_a_mapping_changes_its_function_in_place_but_not_its_queue(check):
    def mapping(queue, function):
        return {"eventSourceArn": f"arn:aws:sqs:us-east-1:123456789012:{queue}", "functionName": function}

    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert not diff(check, MAPPING, mapping("a", "f"), mapping("a", arn)).changes
    assert not diff(check, MAPPING, mapping("a", "f"), mapping("a", "g")).replaces
    assert diff(check, MAPPING, mapping("a", "f"), mapping("b", "f")).replaces == {"eventSourceArn"}


def test_a_target_changes_its_arn_in_place(check):
    def target(queue):
        return {"rule": "r", "arn": f"arn:aws:sqs:us-east-1:123456789012:{queue}"}

    found = diff(check, TARGET, target("a"), target("b"))
    assert found.changes == {"arn"}
    assert not found.replaces


@pytest.mark.parametrize(
    ("token", "old", "new", "replaced"),
    [
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}"}, {"assumeRolePolicy": "{}", "path": "/x/"}, "path"),
        ("aws:iam/policy:Policy", {"policy": "{}"}, {"policy": "{}", "description": "d"}, "description"),
        ("aws:ec2/securityGroup:SecurityGroup", {}, {"description": "d"}, "description"),
        ("aws:ec2/securityGroup:SecurityGroup", {}, {"vpcId": "vpc-1"}, "vpcId"),
        (QUEUE, {}, {"region": "eu-west-1"}, "region"),
        (
            "aws:ssm/parameter:Parameter",
            {"type": "String", "value": "v", "tier": "Advanced"},
            {"type": "String", "value": "v", "tier": "Standard"},
            "tier",
        ),
    ],
)
def test_some_changes_always_replace(token, old, new, replaced, check):
    assert diff(check, token, old, new).replaces == {replaced}
