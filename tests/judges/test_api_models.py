"""Every request that creates a stack, judged by botocore's service models."""

from __future__ import annotations

import pytest

from tests.judges.api_models import judge_request
from tests.judges.api_requests import RequestRecorder
from tests.judges.faults import drop, plant, put
from tests.judges.stacks import STACKS
from tests.judges.verdict import Verdict, together


@pytest.fixture(scope="module", autouse=True)
def no_account():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def recorders(no_account):
    """A recorder for each place: its clients are slow to make."""
    return {stack.place: RequestRecorder(stack.place) for stack in STACKS.values()}


def judge(resources, recorder) -> Verdict:
    return together(judge_request(request) for one in resources for request in recorder.requests(one))


def test_every_request_of_every_stack_passes(recorders):
    total = together(judge(stack.record().resources, recorders[stack.place]) for stack in STACKS.values())
    print(f"botocore's models judged {total}")
    assert total.findings == []
    assert total.judged["requests"] >= 350 and total.judged["values"] >= 3_000 and total.judged["patterns"] >= 500
    assert total.judged["enums"] >= 500 and total.judged["ranges"] >= 350
    assert total.judged["documented lengths"] >= 100


@pytest.mark.parametrize(
    ("type_", "fault", "finding"),
    [
        ("EventRule", put("name", "x" * 65), "PutRule.Name: length 65, takes 1 to 64"),
        ("Function", put("name", "x" * 65), "CreateFunction.FunctionName: length 65, takes up to 64"),
        ("Queue", put("name", "x" * 81), "CreateQueue.QueueName: length 81, takes up to 80"),
        ("JobQueue", put("name", "x" * 129), "jobQueueName: length 129, takes up to 128"),
        ("ComputeEnvironment", put("name", "x" * 129), "computeEnvironmentName: length 129, takes up to 128"),
        ("RolePolicyAttachment", put("policyArn", "arn:aws"), "PolicyArn: length 7, takes 20 to 2048"),
        ("Function", put("runtime", "python3.99"), "Runtime: 'python3.99', takes one of"),
        ("ComputeEnvironment", put("computeResources.type", "LIGHTSAIL"), "type: 'LIGHTSAIL', takes one of"),
        ("Parameter", put("type", "SecretString"), "Type: 'SecretString', takes one of"),
        ("LaunchTemplate", put("metadataOptions.httpTokens", "needed"), "HttpTokens: 'needed', takes one of"),
        ("Queue", put("visibilityTimeoutSeconds", 43_201), "VisibilityTimeout: 43201, takes 0 to 43200"),
        ("Queue", put("maxMessageSize", 1_048_577), "MaximumMessageSize: 1048577, takes 1024 to 1048576"),
        ("EventSourceMapping", put("batchSize", 10_001), "BatchSize: range 10001, takes 1 to 10000"),
        ("EventSourceMapping", put("scalingConfig.maximumConcurrency", 1), "value: 1, valid min value: 2"),
        ("MetricAlarm", put("evaluationPeriods", 0), "value: 0, valid min value: 1"),
        ("Function", put("role", "dispatcher"), "Role: 'dispatcher' does not match"),
        ("Role", put("name", "dispatcher/dev"), "RoleName: 'dispatcher/dev' does not match"),
        ("Function", drop("role"), 'Missing required parameter in input: "Role"'),
        ("RolePolicy", put("policy", ""), "valid min length: 1"),
        ("JobQueue", put("computeEnvironmentOrders", [{"order": 1}]), "computeEnvironment"),
    ],
)
def test_a_planted_fault_is_found(recorders, type_, fault, finding):
    stack = STACKS["ec2-aws"]
    found = judge(plant(stack.record().resources, type_, fault), recorders[stack.place]).findings
    assert any(finding in one for one in found), found
