from __future__ import annotations

import json
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

# Makes the call that the event describes, and returns "ok" or AWS's error code.
CALL = """
import functools
import boto3, botocore.exceptions

client = functools.cache(boto3.client)

def handler(event, context):
    try:
        getattr(client(event["service"]), event["operation"])(**event["arguments"])
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"
"""
ARN = "arn:aws:{service}:us-east-1:123456789012:{resource}"


@pytest.fixture(scope="module")
def resources(cloud: LocalCloud) -> dict[str, str]:
    """The resources that the functions below call."""
    queue = cloud.client("sqs").create_queue(QueueName="retries")["QueueUrl"]
    topic = cloud.client("sns").create_topic(Name="chat")["TopicArn"]
    table = "rows"
    cloud.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
    )
    cloud.client("ssm").put_parameter(Name="/hooks/slack", Value="secret", Type="SecureString")
    secret = cloud.client("secretsmanager").create_secret(Name="hook", SecretString="secret")["ARN"]
    cloud.client("sesv2").create_email_identity(EmailIdentity="example.org")
    return {"queue": queue, "topic": topic, "table": table, "secret": secret}


def call_of(action: str, resources: dict[str, str]) -> dict[str, Any]:
    key = {"key": {"S": "job"}}
    update = {"TableName": resources["table"], "Key": key, "UpdateExpression": "SET a = :a"}
    update["ExpressionAttributeValues"] = {":a": {"S": "1"}}
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "sqs:SendMessage": ("send_message", {"QueueUrl": resources["queue"], "MessageBody": "ticket"}),
        "sns:Publish": ("publish", {"TopicArn": resources["topic"], "Message": "done"}),
        "dynamodb:UpdateItem": ("update_item", update),
        "ssm:GetParameter": ("get_parameter", {"Name": "/hooks/slack", "WithDecryption": True}),
        "secretsmanager:GetSecretValue": ("get_secret_value", {"SecretId": resources["secret"]}),
        "batch:ListJobs": ("list_jobs", {"arrayJobId": "none"}),
        "batch:DescribeJobs": ("describe_jobs", {"jobs": ["none"]}),
    }
    operation, arguments = calls[action]
    return {"service": action.partition(":")[0], "operation": operation, "arguments": arguments}


GRANTS = {
    "sqs:SendMessage": ARN.format(service="sqs", resource="retries"),
    "sns:Publish": ARN.format(service="sns", resource="chat"),
    "dynamodb:UpdateItem": ARN.format(service="dynamodb", resource="table/rows"),
    "ssm:GetParameter": ARN.format(service="ssm", resource="parameter/hooks/slack"),
    "secretsmanager:GetSecretValue": ARN.format(service="secretsmanager", resource="secret:hook-??????"),
    "batch:ListJobs": "*",
    "batch:DescribeJobs": "*",
}
REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@pytest.fixture(scope="module")
def caller(deploy: Any) -> Any:
    """A function that makes the requested call; each test gives its role the permissions that it is about."""
    return deploy(CALL)


def test_a_function_may_do_what_its_role_allows_on_that_resource(caller: Any, resources: dict[str, str]) -> None:
    for action, arn in GRANTS.items():
        caller.allow({"Effect": "Allow", "Action": action, "Resource": arn})
        answers = {other: caller.invoke(call_of(other, resources)) for other in GRANTS}
        assert answers.pop(action) == "ok"
        assert set(answers.values()) <= REFUSALS, answers


def test_a_grant_on_another_resource_does_not_count(caller: Any, resources: dict[str, str]) -> None:
    others = {action: arn + "-other" for action, arn in GRANTS.items() if arn != "*"}
    caller.allow(*({"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in others.items()))
    answers = {action: caller.invoke(call_of(action, resources)) for action in others}
    assert set(answers.values()) <= REFUSALS, answers


def test_permission_to_send_one_message_allows_a_batch(caller: Any, resources: dict[str, str]) -> None:
    entries = [{"Id": "0", "MessageBody": "ticket"}]
    arguments = {"QueueUrl": resources["queue"], "Entries": entries}
    batch = {"service": "sqs", "operation": "send_message_batch", "arguments": arguments}
    for action, answer in {"sqs:SendMessage": {"ok"}, "sqs:SendMessageBatch": REFUSALS}.items():
        caller.allow({"Effect": "Allow", "Action": action, "Resource": GRANTS["sqs:SendMessage"]})
        assert caller.invoke(batch) in answer


def test_a_parameter_named_by_its_arn_is_checked_as_that_parameter(caller: Any, resources: dict[str, str]) -> None:
    arguments = {"Name": GRANTS["ssm:GetParameter"], "WithDecryption": True}
    by_arn = {"service": "ssm", "operation": "get_parameter", "arguments": arguments}
    for resource, answer in {GRANTS["ssm:GetParameter"]: {"ok"}, GRANTS["ssm:GetParameter"] + "-2": REFUSALS}.items():
        caller.allow({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": resource})
        assert caller.invoke(by_arn) in answer


def test_a_queue_that_requires_tls_accepts_requests_over_loopback(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="tls-only")["QueueUrl"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sqs.send_message(QueueUrl=url, MessageBody="in")

    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["in"]


def test_a_deny_overrides_an_allow(caller: Any, resources: dict[str, str]) -> None:
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    caller.allow(allow, {**allow, "Effect": "Deny", "Action": "sqs:SendMessage"})
    assert caller.invoke(call_of("sqs:SendMessage", resources)) in REFUSALS
    assert caller.invoke(call_of("sns:Publish", resources)) == "ok"


@pytest.mark.parametrize(
    ("resource", "condition", "sender", "answer"),
    [
        ("identity/*", {"ses:FromAddress": "bell@example.org"}, "Bell <bell@example.org>", "ok"),
        ("identity/*", {"ses:FromAddress": "bell@example.org"}, "other@example.org", "AccessDeniedException"),
        ("identity/example.org", {}, "bell@example.org", "ok"),
        ("identity/example.net", {}, "bell@example.org", "AccessDeniedException"),
    ],
)
def test_mail_is_allowed_by_identity_and_from_address(
    caller: Any, resources: dict[str, str], resource: str, condition: dict[str, str], sender: str, answer: str
) -> None:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": "ses:SendEmail",
        "Resource": ARN.format(service="ses", resource=resource),
    }
    if condition:
        statement["Condition"] = {"StringEquals": condition}
    caller.allow(statement)
    mail = {
        "FromEmailAddress": sender,
        "Destination": {"ToAddresses": ["team@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "done"}, "Body": {"Text": {"Data": "7 of 7"}}}},
    }
    assert caller.invoke({"service": "sesv2", "operation": "send_email", "arguments": mail}) == answer


@pytest.mark.parametrize(("allowed", "answer"), [("transactional", "ok"), ("marketing", "AccessDeniedException")])
def test_mail_with_a_configuration_set_needs_a_right_on_the_set(
    cloud: LocalCloud, caller: Any, resources: dict[str, str], allowed: str, answer: str
) -> None:
    ses = cloud.client("sesv2")
    if "transactional" not in ses.list_configuration_sets()["ConfigurationSets"]:
        ses.create_configuration_set(ConfigurationSetName="transactional")
    names = ("identity/example.org", f"configuration-set/{allowed}")
    arns = [ARN.format(service="ses", resource=name) for name in names]
    caller.allow({"Effect": "Allow", "Action": "ses:SendEmail", "Resource": arns})
    mail = {
        "FromEmailAddress": "bell@example.org",
        "Destination": {"ToAddresses": ["team@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "done"}, "Body": {"Text": {"Data": "7 of 7"}}}},
        "ConfigurationSetName": "transactional",
    }
    assert caller.invoke({"service": "sesv2", "operation": "send_email", "arguments": mail}) == answer


def test_a_function_whose_role_may_not_write_logs_has_no_logs(cloud: LocalCloud, deploy: Any) -> None:
    source = "def handler(event, context):\n    print('here')\n"
    silent, heard = deploy(source, may_log=False), deploy(source)
    for function in (silent, heard):
        assert function.invoke() is None
    assert "here" in heard.log_lines()
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=silent.log_group)["logGroups"]
    assert groups == []


def test_a_queue_is_mapped_only_to_a_function_that_may_read_it(cloud: LocalCloud, deploy: Any) -> None:
    arn = _make_queue(cloud, "unreadable", visibility=60)
    function = deploy(CALL, statements=[{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": arn}])
    refusal = _mapping_refusal(cloud, function.name, arn)
    assert refusal == "The function execution role does not have permissions to call DeleteMessage on SQS"
    function.allow(_reading(arn))
    assert _mapping_refusal(cloud, function.name, arn) == ""


def test_a_queue_with_a_visibility_timeout_below_the_functions_timeout_is_not_mapped(
    cloud: LocalCloud, deploy: Any
) -> None:
    arn = _make_queue(cloud, "impatient", visibility=5)
    function = deploy(CALL, timeout=10)
    function.allow(_reading(arn))
    refusal = _mapping_refusal(cloud, function.name, arn)
    assert refusal == "Queue visibility timeout: 5 seconds is less than Function timeout: 10 seconds"


def _make_queue(cloud: LocalCloud, name: str, visibility: int) -> str:
    cloud.client("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(visibility)})
    return ARN.format(service="sqs", resource=name)


def _reading(arn: str) -> dict[str, Any]:
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    return {"Effect": "Allow", "Action": actions, "Resource": arn}


def _mapping_refusal(cloud: LocalCloud, function: str, arn: str) -> str:
    """AWS's message; empty if the mapping was created."""
    functions = cloud.client("lambda")
    try:
        functions.create_event_source_mapping(FunctionName=function, EventSourceArn=arn)
    except functions.exceptions.InvalidParameterValueException as error:
        return str(error.response["Error"]["Message"])
    return ""
