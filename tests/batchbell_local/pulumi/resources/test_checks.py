"""Checks that refuse inputs before anything is created, and the values that they fill in. No cloud."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import textwrap

import pytest

from batchbell_local.pulumi.resources import TABLE
from batchbell_local.pulumi.resources.errors import InvalidInputs
from batchbell_local.pulumi.resources.property_values import UNKNOWN

QUEUE = "aws:sqs/queue:Queue"
TABLE_TYPE = "aws:dynamodb/table:Table"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
JOB_QUEUE = "aws:batch/jobQueue:JobQueue"
JOB_DEFINITION = "aws:batch/jobDefinition:JobDefinition"
ROLE = "aws:iam/role:Role"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
SOURCE = "arn:aws:sqs:us-east-1:123456789012:jobs"
KEY = [{"name": "k", "type": "S"}]


def table(**more):
    return {"hashKey": "k", "attributes": KEY, "billingMode": "PAY_PER_REQUEST", **more}


def indexed(*schema, attributes=("k", "i", "j"), **more):
    """A table with one index, whose keys are pairs such as ("i", "HASH")."""
    keys = [{"attributeName": name, "keyType": kind} for name, kind in schema]
    index = {"name": "by-i", "projectionType": "KEYS_ONLY"} | ({"keySchemas": keys} if keys else {}) | more
    return table(attributes=[{"name": name, "type": "S"} for name in attributes], globalSecondaryIndexes=[index])


def mapping(**more):
    return {"functionName": "f", "eventSourceArn": SOURCE, **more}


def environment(**resources):
    wanted = {"type": "EC2", "maxVcpus": 4, "subnets": ["subnet-1"], **resources}
    return {"type": "MANAGED", "computeResources": wanted}


def test_a_generated_name_is_the_logical_name_and_seven_hex_digits(check):
    assert re.fullmatch(r"jobs-[0-9a-f]{7}", check(QUEUE, {}, name="jobs")["name"])


def test_a_generated_fifo_name_ends_in_fifo(check):
    assert re.fullmatch(r"jobs-[0-9a-f]{7}\.fifo", check(QUEUE, {"fifoQueue": True}, name="jobs")["name"])


@pytest.mark.parametrize(
    ("token", "limit"),
    [(QUEUE, 80), (ROLE, 64), ("aws:sns/topic:Topic", 80), ("aws:cloudwatch/eventRule:EventRule", 64)],
)
def test_a_logical_name_that_leaves_no_room_for_the_generated_part_is_refused(token, limit, check):
    required = {ROLE: {"assumeRolePolicy": "{}"}, "aws:cloudwatch/eventRule:EventRule": {"eventPattern": "{}"}}
    longest = "n" * (limit - len("-0123abc"))
    assert len(check(token, required.get(token, {}), name=longest)["name"]) == limit
    assert "longer than maximum length" in check.failures(token, required.get(token, {}), name=f"{longest}n")["name"]


def test_a_generated_name_stays_when_something_else_changes(check):
    first = check(QUEUE, {}, name="jobs")
    second = TABLE[QUEUE].check("jobs", first, {"delaySeconds": 5}, random.Random(99))
    assert second["name"] == first["name"]


def test_a_given_name_is_not_kept_as_a_generated_one(check):
    first = check(QUEUE, {"name": "own"}, name="jobs")
    assert check(QUEUE, {}, first, name="jobs")["name"] != "own"


def test_a_name_prefix_suppresses_the_generated_name(check):
    assert "name" not in check(ENVIRONMENT, {"namePrefix": "print-color-", **environment()})


def test_a_name_beside_a_name_prefix_is_refused(check):
    assert check.failures(QUEUE, {"name": "a", "namePrefix": "b"}) == {"name": "conflicts with namePrefix"}


def test_the_target_id_and_the_statement_id_are_generated_too(check):
    target = check("aws:cloudwatch/eventTarget:EventTarget", {"rule": "r", "arn": SOURCE}, name="t")
    assert re.fullmatch(r"t-[0-9a-f]{7}", target["targetId"])


def test_an_unknown_input_is_refused_with_the_nearest_name(check):
    failures = check.failures(QUEUE, {"visibilityTimeout": 30})
    assert failures == {"visibilityTimeout": "unknown input; the nearest known one is visibilityTimeoutSeconds"}


def test_an_unknown_input_inside_a_block_is_refused_with_its_path(check):
    failures = check.failures(ENVIRONMENT, environment(minvCpus=0))
    assert failures == {"computeResources.minvCpus": "unknown input; the nearest known one is minVcpus"}


def test_an_unknown_input_inside_a_list_is_refused_with_its_index(check):
    orders = [{"order": 1, "computeEnvironment": "arn:aws:batch:us-east-1:123456789012:compute-environment/x"}]
    queue = {"priority": 1, "state": "ENABLED", "computeEnvironmentOrders": [*orders, {**orders[0], "weight": 1}]}
    assert check.failures(JOB_QUEUE, queue) == {"computeEnvironmentOrders[1].weight": "unknown input"}


def test_a_missing_input_is_refused_also_inside_a_block(check):
    failures = check.failures(ENVIRONMENT, {"type": "MANAGED", "computeResources": {"type": "EC2"}})
    assert failures == {"computeResources.maxVcpus": "is required", "computeResources.subnets": "is required"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [(["a"], "takes an object, got a list"), ("a", "takes an object, got one value")],
)
def test_a_value_of_the_wrong_shape_is_refused(value, reason, check):
    failures = check.failures(TABLE_TYPE, table(ttl=value))
    assert list(failures) == ["ttl"]


def test_every_mistake_is_reported_at_once(check):
    failures = check.failures(QUEUE, {"delaySeconds": 901, "messageRetentionSeconds": 1, "colour": "red"})
    assert set(failures) == {"delaySeconds", "messageRetentionSeconds", "colour"}


def test_the_reason_has_the_range_or_the_input_that_conflicts(check):
    failures = check.failures(QUEUE, {"kmsMasterKeyId": "k", "sqsManagedSseEnabled": True, "delaySeconds": 901})

    assert "conflicts with sqsManagedSseEnabled" in failures["kmsMasterKeyId"]
    assert "must be between 0 and 900" in failures["delaySeconds"]


@pytest.mark.parametrize(
    ("token", "inputs", "property"),
    [
        (QUEUE, {"delaySeconds": 901}, "delaySeconds"),
        (QUEUE, {"visibilityTimeoutSeconds": 43_201}, "visibilityTimeoutSeconds"),
        (QUEUE, {"messageRetentionSeconds": 59}, "messageRetentionSeconds"),
        (QUEUE, {"maxMessageSize": 1_048_577}, "maxMessageSize"),
        (QUEUE, {"kmsMasterKeyId": "k", "sqsManagedSseEnabled": True}, "kmsMasterKeyId"),
        (QUEUE, {"contentBasedDeduplication": True}, "contentBasedDeduplication"),
        (QUEUE, {"name": "a.fifo"}, "name"),
        (QUEUE, {"redrivePolicy": json.dumps({"maxReceiveCount": "5"})}, "redrivePolicy"),
        (QUEUE, {"tags": {"a": ["x"]}}, "tags.a"),
        (TABLE_TYPE, table(attributes=[*KEY, {"name": "ttl", "type": "N"}]), "attributes"),
        (TABLE_TYPE, table(rangeKey="r"), "attributes"),
        (TABLE_TYPE, table(readCapacity=1), "readCapacity"),
        (TABLE_TYPE, table(ttl={"enabled": True}), "ttl.attributeName"),
        (TABLE_TYPE, {"hashKey": "k", "attributes": KEY}, "readCapacity"),
        (TABLE_TYPE, indexed(("i", "HASH"), ("j", "RANGE"), attributes=("k", "i")), "attributes"),
        (TABLE_TYPE, indexed(("i", "HASH")), "attributes"),
        (TABLE_TYPE, indexed(attributes="k"), "globalSecondaryIndexes[0].keySchemas"),
        (TABLE_TYPE, indexed(("i", "HASH"), hashKey="i"), "globalSecondaryIndexes[0].hashKey"),
        (TABLE_TYPE, indexed(("i", "HASH"), rangeKey="j"), "globalSecondaryIndexes[0].rangeKey"),
        (TABLE_TYPE, indexed(("j", "RANGE"), ("i", "HASH")), "globalSecondaryIndexes[0].keySchemas"),
        (TABLE_TYPE, indexed(("i", "RANGE")), "globalSecondaryIndexes[0].keySchemas"),
        (TABLE_TYPE, indexed(("i", "SORT")), "globalSecondaryIndexes[0].keySchemas[0].keyType"),
        (TABLE_TYPE, indexed(("i", "HASH"), projectionType="SOME"), "globalSecondaryIndexes[0].projectionType"),
        (MAPPING, mapping(batchSize=100), "batchSize"),
        (MAPPING, mapping(startingPosition="LATEST"), "startingPosition"),
        (MAPPING, mapping(scalingConfig={"maximumConcurrency": 1}), "scalingConfig.maximumConcurrency"),
        (MAPPING, {"functionName": "f"}, "eventSourceArn"),
        (ENVIRONMENT, {"type": "MANAGED"}, "computeResources"),
        (ENVIRONMENT, environment() | {"type": "UNMANAGED"}, "computeResources"),
        (ENVIRONMENT, environment(instanceRole="ecsInstanceRole"), "computeResources.instanceRole"),
        (ENVIRONMENT, environment() | {"serviceRole": "batch"}, "serviceRole"),
        (
            JOB_QUEUE,
            {
                "priority": 1,
                "state": "ENABLED",
                "computeEnvironmentOrders": [{"order": 1, "computeEnvironment": "just-a-name"}],
            },
            "computeEnvironmentOrders[0].computeEnvironment",
        ),
        (
            JOB_DEFINITION,
            {"type": "container", "timeout": {"attemptDurationSeconds": 59}},
            "timeout.attemptDurationSeconds",
        ),
        (JOB_DEFINITION, {"type": "container", "nodeProperties": "{}"}, "nodeProperties"),
        (JOB_DEFINITION, {"type": "container", "platformCapabilities": ["fargate"]}, "platformCapabilities[0]"),
        (
            JOB_DEFINITION,
            {"type": "container", "retryStrategy": {"evaluateOnExits": [{"action": "EXIT", "onReason": "no-hyphen"}]}},
            "retryStrategy.evaluateOnExits[0].onReason",
        ),
        (ROLE, {"assumeRolePolicy": "{}", "name": "r" * 65}, "name"),
        (ALARM, {"metricName": "m", "namespace": "n", "period": 60, "evaluationPeriods": 1}, "comparisonOperator"),
        (
            GROUP,
            {"egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["10.0.0.1/8"]}]},
            "egress[0].cidrBlocks[0]",
        ),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"userData": "#!/bin/sh"}, "userData"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 8}, "retentionInDays"),
        ("aws:ssm/parameter:Parameter", {"type": "String", "name": "a/b", "value": "x"}, "name"),
        ("aws:ssm/parameter:Parameter", {"type": "SecureString", "insecureValue": "x"}, "insecureValue"),
        ("aws:lambda/function:Function", {"role": "arn:aws:iam::123456789012:role/r"}, "handler"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_inputs_that_aws_or_the_provider_refuses_are_refused(token, inputs, property, check):
    assert property in check.failures(token, inputs)


def test_large_batches_are_accepted_with_a_window(check):
    assert check.failures(MAPPING, mapping(batchSize=100, maximumBatchingWindowInSeconds=5)) == {}


@pytest.mark.parametrize(
    "keys", [indexed(("i", "HASH"), ("j", "RANGE")), indexed(hashKey="i", rangeKey="j")], ids=["schema", "deprecated"]
)
def test_both_forms_of_an_indexs_keys_are_accepted(keys, check):
    assert check.failures(TABLE_TYPE, keys) == {}


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (TABLE_TYPE, table(globalSecondaryIndexes=UNKNOWN)),
        (TABLE_TYPE, indexed(keySchemas=UNKNOWN)),
        (TABLE_TYPE, indexed((UNKNOWN, "HASH"))),
        (QUEUE, {"redrivePolicy": UNKNOWN, "visibilityTimeoutSeconds": UNKNOWN}),
        (MAPPING, {"functionName": UNKNOWN, "eventSourceArn": UNKNOWN, "batchSize": 100}),
        (JOB_QUEUE, {"priority": 1, "state": "ENABLED", "computeEnvironmentOrders": UNKNOWN}),
        (
            ENVIRONMENT,
            environment(instanceRole=UNKNOWN, launchTemplate={"launchTemplateId": UNKNOWN, "version": UNKNOWN}),
        ),
        (JOB_DEFINITION, {"type": "container", "containerProperties": UNKNOWN}),
    ],
)
def test_values_that_are_unknown_in_a_preview_are_accepted(token, inputs, check):
    assert check.failures(token, inputs) == {}


def test_a_policy_given_as_an_object_becomes_json(check):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}
    checked = check("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": policy})
    assert json.loads(checked["policy"]) == policy


def test_a_value_is_never_part_of_an_error(check):
    failures = check.failures("aws:ssm/parameter:Parameter", {"type": "String", "value": "hunter2" * 1_000})
    assert "value" in failures
    assert "hunter2" not in str(failures)


@pytest.mark.parametrize(
    "change",
    [{"visibilityTimeout": 60}, {"visibilityTimeoutSeconds": [60]}, {"tags": {"team": ["a"]}}, {"name": ["jobs"]}],
)
def test_inputs_that_changed_since_the_last_deployment_are_checked_again(check, change):
    before = {"visibilityTimeoutSeconds": 30}
    deployed = check(QUEUE, before)

    assert check(QUEUE, before, olds=deployed) == deployed
    with pytest.raises(InvalidInputs):
        check(QUEUE, before | change, olds=deployed)
    with pytest.raises(InvalidInputs):
        check(QUEUE, {"queueUrl": 1}, olds=deployed)


@pytest.mark.installed  # in a process that has loaded nothing yet
def test_the_sdks_types_are_found_by_several_threads_at_once(project):
    program = """
        import sys
        from concurrent.futures import ThreadPoolExecutor
        from batchbell_local.pulumi.resources.schema import args_type

        sys.setswitchinterval(1e-5)
        tokens = [f"aws:iam/{name[:1].lower() + name[1:]}:{name}" for name in ("Role", "RolePolicy", "InstanceProfile")]
        with ThreadPoolExecutor(len(tokens)) as threads:
            print(*(found.__name__ for found in threads.map(args_type, tokens)))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]  # loads the SDK anew
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert (done.stdout.split(), done.stderr) == (["RoleArgs", "RolePolicyArgs", "InstanceProfileArgs"], "")
