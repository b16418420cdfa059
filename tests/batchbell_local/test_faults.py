"""Faults on demand as a real function sees them through boto3, and whether the call was executed."""

from __future__ import annotations

import io
import json
import sys
import time
import uuid
import zipfile

import pytest

from tests.waiting import FACTOR, within

TIMEOUT = 2 * FACTOR  # seconds, of the function's calls
FUNCTION = """
import boto3, json, os
from botocore.config import Config

TIMEOUT = float(os.environ["TIMEOUT"])
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=TIMEOUT, read_timeout=TIMEOUT)

def handler(event, context):
    client = boto3.client(event["service"], config=CONFIG)
    try:
        getattr(client, event["operation"])(**event["arguments"])
    except Exception as error:
        return (getattr(error, "response", None) or {}).get("Error", {}).get("Code") or type(error).__name__
    return "done"
"""


@pytest.fixture(scope="module")
def call(cloud):
    """The result of one call of AWS by a deployed function: "done", AWS's code, or boto3's exception."""
    name = f"caller-{uuid.uuid4().hex[:8]}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("caller.py", FUNCTION)
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Statement": [everything]}))
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Role=role["Arn"],
        Handler="caller.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=10 * FACTOR,
        Environment={"Variables": {"TIMEOUT": str(TIMEOUT)}},
    )

    def invoke(service, operation, **arguments):
        payload = json.dumps({"service": service, "operation": operation, "arguments": arguments})
        answer = cloud.client("lambda").invoke(FunctionName=name, Payload=payload)
        result = json.loads(answer["Payload"].read())
        return f"failed: {result['errorMessage']}" if answer.get("FunctionError") else result

    return invoke


@pytest.fixture
def queue(cloud):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=f"faults-{uuid.uuid4().hex[:8]}")["QueueUrl"]

    class Queue:
        def __init__(self):
            self.url = url

        def bodies(self):
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            return sorted(message["Body"] for message in messages)

    return Queue()


@pytest.fixture(autouse=True)
def no_faults(cloud):
    yield
    cloud.clear_faults()


@pytest.mark.parametrize(
    ("action", "code", "status", "service", "operation", "arguments"),
    [
        ("sqs:SendMessage", "RequestThrottled", 403, "sqs", "send_message", {"MessageBody": "x"}),
        (
            "dynamodb:UpdateItem",
            "ProvisionedThroughputExceededException",
            400,
            "dynamodb",
            "update_item",
            {"TableName": "t", "Key": {"k": {"S": "1"}}},
        ),
        ("ssm:GetParameter", "InternalServerError", 500, "ssm", "get_parameter", {"Name": "/x"}),
        ("sns:Publish", "KMSThrottling", 400, "sns", "publish", {"TopicArn": "arn:aws:sns:::t", "Message": "x"}),
        (
            "ses:SendEmail",
            "TooManyRequestsException",
            429,
            "sesv2",
            "send_email",
            {"Content": {"Raw": {"Data": "x"}}},
        ),
        ("batch:ListJobs", "ServerException", 500, "batch", "list_jobs", {"arrayJobId": "x"}),
        ("batch:DescribeJobQueues", "ServerException", 500, "batch", "describe_job_queues", {}),
    ],
)
def test_a_call_fails_with_awss_own_code(cloud, call, queue, action, code, status, service, operation, arguments):
    fault = cloud.fail(action, error=code, status=status, times=1)
    arguments = arguments | ({"QueueUrl": queue.url} if service == "sqs" else {})

    assert call(service, operation, **arguments) == code
    assert len(fault.hits) == 1
    assert call(service, operation, **arguments) != code


def test_a_fault_hits_matching_calls_and_never_those_of_the_test(cloud, call, queue):
    fault = cloud.fail("sqs:SendMessage", holds="wrong", error="RequestThrottled", skip=1, times=1)
    answers = [call("sqs", "send_message", QueueUrl=queue.url, MessageBody=body) for body in ("good", *["wrong"] * 3)]
    cloud.client("sqs").send_message(QueueUrl=queue.url, MessageBody="wrong, but mine")

    assert answers == ["done", "done", "RequestThrottled", "done"]
    assert len(fault.hits) == 1
    assert queue.bodies() == ["good", "wrong", "wrong", "wrong, but mine"]


def test_a_batch_action_matches_the_single_one(cloud, call, queue):
    cloud.fail("sqs:SendMessage", error="RequestThrottled")
    entries = [{"Id": "1", "MessageBody": "x"}]

    assert call("sqs", "send_message_batch", QueueUrl=queue.url, Entries=entries) == "RequestThrottled"


@pytest.mark.parametrize(("cut", "arrived"), [("before", []), ("after", ["x"])])
def test_a_connection_is_cut_before_or_after_the_call_was_executed(cloud, call, queue, cut, arrived):
    cloud.fail("sqs:SendMessage", cut=cut, times=1)

    assert call("sqs", "send_message", QueueUrl=queue.url, MessageBody="x") == "ConnectionClosedError"
    assert queue.bodies() == arrived


@pytest.mark.parametrize(("kill", "arrived"), [("before", []), ("after", ["x"])])
def test_the_calling_process_is_killed_before_or_after_the_call_was_executed(cloud, call, queue, kill, arrived):
    cloud.fail("sqs:SendMessage", kill=kill, times=1)

    assert call("sqs", "send_message", QueueUrl=queue.url, MessageBody="x").startswith("failed: ")
    assert queue.bodies() == arrived
    assert call("sqs", "send_message", QueueUrl=queue.url, MessageBody="y") == "done"


def test_a_slow_response_exceeds_the_callers_timeout(cloud, call, queue):
    cloud.fail("sqs:SendMessage", delay=1.25 * TIMEOUT, times=1)

    assert call("sqs", "send_message", QueueUrl=queue.url, MessageBody="x") == "ReadTimeoutError"


def test_a_response_can_drip_without_a_read_that_times_out(cloud, call, queue):
    cloud.fail("sqs:SendMessage", drip=0.05 * FACTOR, times=1)
    start = time.monotonic()

    assert call("sqs", "send_message", QueueUrl=queue.url, MessageBody="x") == "done"
    assert time.monotonic() - start > TIMEOUT
    assert queue.bodies() == ["x"]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ({"status": 200, "body": "<html>a proxy's page</html>"}, "done"),
        ({"status": 410, "body": "{}"}, "410"),
        ({"status": 307, "location": "to the cloud"}, "307"),
    ],
)
def test_a_proxys_response_replaces_the_call(cloud, call, queue, answer, meaning):
    if "location" in answer:
        answer = answer | {"location": f"{cloud.endpoint}/"}
    fault = cloud.fail("sqs:SendMessage", times=1, **answer)

    assert call("sqs", "send_message", QueueUrl=queue.url, MessageBody="x") == meaning
    assert (len(fault.hits), queue.bodies()) == (1, [])


def test_one_seed_gives_the_same_faults_again(cloud, call, queue):
    def run():
        fault = cloud.fail("sqs:SendMessage", error="RequestThrottled", probability=0.5, seed=7)
        answers = [call("sqs", "send_message", QueueUrl=queue.url, MessageBody="x") for _ in range(12)]
        fault.clear()
        return answers

    first = run()
    assert set(first) == {"done", "RequestThrottled"}
    assert run() == first


def test_an_invalid_fault_is_refused(cloud):
    with pytest.raises(ValueError, match="'before' or 'after'"):
        cloud.fail("sqs:SendMessage", cut="sometimes")


def test_raised_events_reach_a_rules_target(cloud, event, wait_until):
    sqs, name = cloud.client("sqs"), f"raised-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = cloud.client("events").put_rule(Name=name, EventPattern=json.dumps({"detail": {"jobName": [name]}}))
    condition = {"ArnEquals": {"aws:SourceArn": rule["RuleArn"]}}
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow | {"Resource": arn, "Condition": condition}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    cloud.client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    with within(5):
        cloud.raise_events([event("parent-succeeded", jobName=name)] * 1_000)

    def arrived():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

    wait_until(lambda: arrived() == 1_000, "a thousand")
    body = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert (body["source"], body["detail"]["jobName"]) == ("aws.batch", name)
