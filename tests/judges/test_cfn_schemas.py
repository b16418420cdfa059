"""Every resource of every stack, judged by CloudFormation's schemas."""

from __future__ import annotations

import pytest

from tests.judges.cfn_resources import cfn_resources
from tests.judges.cfn_schemas import CfnSchemas, formats
from tests.judges.faults import drop, plant, put
from tests.judges.stacks import STACKS
from tests.judges.verdict import Verdict, together


def judge(resources, region="us-east-1") -> Verdict:
    schemas = CfnSchemas(region)
    return together(schemas.judge(one.place, one.type, one.properties) for one in cfn_resources(resources, schemas))


def test_every_resource_of_every_stack_passes():
    total = together(judge(stack.record().resources, stack.place.region) for stack in STACKS.values())
    print(f"CloudFormation's schemas judged {total}")
    assert total.findings == []
    assert total.judged["resources"] >= 250 and total.judged["values"] >= 3_500 and total.judged["patterns"] >= 400
    assert total.judged["enums"] >= 400 and total.judged["ranges"] >= 400 and total.judged["formats"] >= 100
    assert len(formats()) >= 12


@pytest.mark.parametrize(
    ("type_", "fault", "finding"),
    [
        ("EventRule", put("name", "x" * 65), "is too long"),
        ("Function", put("name", "x" * 65), "does not match"),
        ("Role", put("name", "x" * 65), "is too long"),
        ("MetricAlarm", put("alarmDescription", "x" * 1_025), "is too long"),
        ("Function", put("runtime", "python3.99"), "is not one of"),
        ("ComputeEnvironment", put("computeResources.type", "LIGHTSAIL"), "is not one of"),
        ("MetricAlarm", put("treatMissingData", "ok"), "is not one of"),
        ("LogGroup", put("retentionInDays", 31), "is not one of"),
        ("Queue", put("visibilityTimeoutSeconds", 43_201), "is greater than the maximum"),
        ("EventSourceMapping", put("batchSize", 10_001), "is greater than the maximum"),
        ("EventSourceMapping", put("scalingConfig.maximumConcurrency", 1), "is less than the minimum"),
        ("MetricAlarm", put("period", 90), "is not a multiple of"),
        ("Function", put("memorySize", 64), "is less than the minimum"),
        ("Function", put("role", "dispatcher"), "does not match"),
        ("Topic", put("kmsMasterKeyId", "key/1234"), "is not a AWS::KMS::Key.Arn"),
        ("SecurityGroup", put("description", "Batch jobs %"), "does not match"),
        ("EventRule", drop("eventPattern"), "one of ['EventPattern', 'ScheduleExpression'] is required"),
        ("Function", drop("role"), "'Role' is a required property"),
        ("Table", put("attributes.0.type", "X"), "is not one of"),
        ("JobQueue", drop("priority"), "'Priority' is a required property"),
        ("MetricAlarm", put("extendedStatistic", "p99"), "excludes"),
        ("Queue", put("visibilityTimeOut", 30), "VisibilityTimeOut is no property of it"),
        ("Queue", put("arn", "arn:aws:sqs:us-east-1:123456789012:x"), "only AWS sets it"),
        ("RolePolicyAttachment", put("policyArn", "arn:aws:iam::aws:AdministratorAccess"), "does not match"),
        ("EventTarget", drop("arn"), "'Arn' is a required property"),
        ("FunctionRecursionConfig", put("recursiveLoop", "Forbid"), "is not one of"),
    ],
)
def test_a_planted_fault_is_found(type_, fault, finding):
    found = judge(plant(STACKS["ec2-aws"].record().resources, type_, fault)).findings
    assert any(finding in one for one in found), found


def test_a_type_that_a_region_lacks_is_found():
    schemas = CfnSchemas("cn-north-1")
    assert schemas.judge("sender", "AWS::SES::EmailIdentity", {}).findings == [
        "sender: cn-north-1 has no AWS::SES::EmailIdentity"
    ]


def test_a_part_without_its_whole_is_not_left_out():
    target = [one for one in STACKS["ec2-aws"].record().resources if one.type_token.endswith(":EventTarget")]
    with pytest.raises(LookupError, match="EventTarget bell-finished"):
        judge(target)
