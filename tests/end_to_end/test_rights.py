"""The rights of deployed stacks, and who may access them: read back from AWS, and tried with the function's role."""

from __future__ import annotations

import io
import json
import sys
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from demo.print_color import SENDER
from tests.end_to_end.inspected_stacks import (
    BATCH_ARN,
    SENDING_MAIL,
    STACKS,
    AccountResources,
    Call,
    InspectedStack,
    arn,
    mail,
    make_account_resources,
)

PURPOSES = ("intake", "retry", "dead_letter")
REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}

# Makes the calls that the event lists, and returns "ok" or AWS's error code for each.
PROBE = """
import boto3, botocore.config, botocore.exceptions

once = botocore.config.Config(retries={"total_max_attempts": 1})

def handler(event, context):
    return [answer(*call) for call in event]

def answer(service, operation, arguments):
    try:
        getattr(boto3.client(service, config=once), operation)(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"
"""


READING_LOGS = "logs:GetLogEvents"
# What only a stack that looks at running arrays may do.
READING_ROWS = ("dynamodb:GetItem", "dynamodb:BatchGetItem")
DESCRIBING_QUEUES = ("batch:DescribeJobQueues", "batch:DescribeComputeEnvironments")


@pytest.fixture(scope="module")
def sink(print_color):
    """Slack as all stacks see it."""
    return print_color.sink


@pytest.fixture(scope="module")
def others(print_color, sink):
    """Resources that no stack refers to."""
    return make_account_resources(print_color.cloud, sink.url)


@pytest.fixture(scope="module", params=STACKS)
def stack(request, inspected, print_color):
    return inspected(request.param)


def test_the_functions_role_has_exactly_the_expected_rights(stack):
    intake, retry, dead_letters = (stack.queue_arn(purpose) for purpose in PURPOSES)
    table = arn("dynamodb", f"table/{stack.outputs['ledger_table_name']}")
    log = arn("logs", f"log-group:{stack.log_group}:*")
    found: dict[str, set[str]] = {}
    for statement in stack.statements(stack.role):
        assert set(statement) <= {"Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            found.setdefault(action, set()).update(statement["Resource"])

    assert found == {
        **{action: {intake, retry} for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")},
        "sqs:SendMessage": {retry, dead_letters},
        "dynamodb:UpdateItem": {table},
        "dynamodb:Query": {f"{table}/index/deliveries"},
        **{action: {log} for action in ("logs:CreateLogStream", "logs:PutLogEvents")},
        **{action: {"*"} for action in ("batch:ListJobs", "batch:DescribeJobs")},
        **({action: {table} for action in READING_ROWS} if stack.sweeps else {}),
        **({action: {"*"} for action in DESCRIBING_QUEUES} if stack.sweeps else {}),
        **stack.needs,
    }


def test_no_role_of_a_stack_has_wildcard_actions_or_unneeded_wildcard_resources(stack):
    for role in stack.ids("aws:iam/role:Role"):
        for statement in stack.statements(role):
            assert not [action for action in statement["Action"] if "*" in action or "?" in action]
            opened = {one for one in statement["Resource"] if "*" in one or "?" in one}
            if opened == {"*"}:
                of_sweeps = DESCRIBING_QUEUES if stack.sweeps else ()
                assert set(statement["Action"]) in ({"batch:ListJobs", "batch:DescribeJobs"}, {*of_sweeps})
            elif set(statement["Action"]) == set(SENDING_MAIL):
                assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": SENDER}}
            else:
                assert opened <= {arn("logs", f"log-group:{stack.log_group}:*")} | stack.needs.get(READING_LOGS, set())


def test_only_lambda_can_assume_the_functions_role_and_it_has_no_other_policies(stack):
    iam = stack.cloud.client("iam")
    (trust,) = iam.get_role(RoleName=stack.role)["Role"]["AssumeRolePolicyDocument"]["Statement"]

    assert (trust["Principal"], trust["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")
    assert iam.list_attached_role_policies(RoleName=stack.role)["AttachedPolicies"] == []


def calls_of(stack: InspectedStack) -> list[Call]:
    """Return the calls that the function makes in any stack."""
    outputs = stack.outputs
    row = {"message": {"S": "probe"}, "notifier": {"S": "probe"}}
    update = {"TableName": outputs["ledger_table_name"], "Key": row, "UpdateExpression": "SET sent = :now"}
    update["ExpressionAttributeValues"] = {":now": {"N": "1"}}
    return [
        *(
            ("sqs", "send_message", {"QueueUrl": outputs[f"{one}_queue_url"], "MessageBody": "{}"})
            for one in PURPOSES[1:]
        ),
        ("sqs", "get_queue_attributes", {"QueueUrl": outputs["intake_queue_url"]}),
        ("dynamodb", "update_item", update),
        ("dynamodb", "transact_write_items", {"TransactItems": [{"Update": update}]}),
        ("dynamodb", "query", query(outputs["ledger_table_name"], IndexName="deliveries")),
        ("batch", "list_jobs", {"arrayJobId": "none"}),
        ("batch", "describe_jobs", {"jobs": ["none"]}),
        *(calls_of_sweeps(stack) if stack.sweeps else ()),
    ]


def calls_of_sweeps(stack: InspectedStack) -> list[Call]:
    table, row = stack.outputs["ledger_table_name"], {"message": {"S": "probe"}, "notifier": {"S": "probe"}}
    return [
        ("dynamodb", "get_item", {"TableName": table, "Key": row}),
        ("dynamodb", "batch_get_item", {"RequestItems": {table: {"Keys": [row]}}}),
        ("batch", "describe_job_queues", {"jobQueues": ["none"]}),
        ("batch", "describe_compute_environments", {"computeEnvironments": ["none"]}),
    ]


def query(table: str, **more: str) -> dict[str, Any]:
    values = {":notifier": {"S": "probe"}}
    condition = {"KeyConditionExpression": "notifier = :notifier", "ExpressionAttributeValues": values}
    return {"TableName": table, **condition, **more}


def forbidden_calls(stack: InspectedStack, others: AccountResources) -> Iterator[Call]:
    """Yield calls that an attacker with the function's credentials would try."""
    outputs, table = stack.outputs, stack.outputs["ledger_table_name"]
    row, send = {"message": {"S": "probe"}, "notifier": {"S": "probe"}}, {"MessageBody": "{}"}
    intake, retry, dead = (outputs[f"{purpose}_queue_url"] for purpose in PURPOSES)
    yield "sqs", "send_message", {"QueueUrl": intake, **send}
    yield "sqs", "send_message", {"QueueUrl": others.queue_url, **send}
    yield "sqs", "receive_message", {"QueueUrl": others.queue_url}
    yield "sqs", "receive_message", {"QueueUrl": dead}
    yield "sqs", "purge_queue", {"QueueUrl": retry}
    yield "sqs", "delete_queue", {"QueueUrl": dead}
    yield "sqs", "set_queue_attributes", {"QueueUrl": intake, "Attributes": {"VisibilityTimeout": "1"}}
    yield "sqs", "start_message_move_task", {"SourceArn": stack.queue_arn("dead_letter")}
    if not stack.sweeps:
        yield from calls_of_sweeps(stack)
    yield "dynamodb", "get_item", {"TableName": others.name, "Key": row}
    yield "dynamodb", "batch_get_item", {"RequestItems": {others.name: {"Keys": [row]}}}
    yield "dynamodb", "put_item", {"TableName": table, "Item": row}
    yield "dynamodb", "delete_item", {"TableName": table, "Key": row}
    yield "dynamodb", "scan", {"TableName": table}
    yield "dynamodb", "scan", {"TableName": table, "IndexName": "deliveries"}
    yield "dynamodb", "query", {**query(table), "KeyConditionExpression": "message = :notifier"}
    yield "dynamodb", "query", query(others.name, IndexName="deliveries")
    yield "dynamodb", "update_item", {"TableName": others.name, "Key": row, "UpdateExpression": "REMOVE sent"}
    yield "dynamodb", "delete_table", {"TableName": table}
    for kind, what in (("Put", {"Item": row}), ("Delete", {"Key": row})):
        yield "dynamodb", "transact_write_items", {"TransactItems": [{kind: {"TableName": table, **what}}]}
    yield "ssm", "get_parameter", {"Name": others.parameter, "WithDecryption": True}
    yield "ssm", "get_parameter", {"Name": f"/{others.name}", "WithDecryption": True}
    yield "ssm", "get_parameters_by_path", {"Path": "/", "Recursive": True, "WithDecryption": True}
    yield "ssm", "put_parameter", {"Name": f"/{others.name}", "Value": "x", "Type": "String", "Overwrite": True}
    yield "secretsmanager", "get_secret_value", {"SecretId": others.secret}
    yield "secretsmanager", "put_secret_value", {"SecretId": others.secret, "SecretString": "x"}
    yield "sns", "publish", {"TopicArn": others.topic, "Message": "done"}
    yield mail("ceo@example.com")
    yield "kms", "generate_data_key", {"KeyId": others.key, "KeySpec": "AES_256"}
    yield "batch", "submit_job", {"jobName": "x", "jobQueue": "nightly", "jobDefinition": "render"}
    yield "batch", "terminate_job", {"jobId": "x", "reason": "x"}
    yield "logs", "create_log_stream", {"logGroupName": others.name, "logStreamName": "probe"}
    yield "logs", "delete_log_group", {"logGroupName": stack.log_group}
    yield "logs", "get_log_events", {"logGroupName": stack.log_group, "logStreamName": "probe"}
    yield "lambda", "invoke", {"FunctionName": outputs["function_name"]}
    yield "lambda", "update_function_configuration", {"FunctionName": outputs["function_name"], "Timeout": 900}
    yield "iam", "list_roles", {}
    yield "iam", "delete_role_policy", {"RoleName": stack.role, "PolicyName": "x"}
    yield "events", "disable_rule", {"Name": outputs["rule_arn"].rpartition("/")[2]}
    yield "s3", "list_buckets", {}
    yield "cloudwatch", "delete_alarms", {"AlarmNames": ["x"]}


def probe(stack: InspectedStack, calls: list[Call]) -> list[tuple[str, str, str]]:
    """Make these calls with the function's role, and return service, operation and result of each."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("batchbell/__init__.py", PROBE)  # in this folder: its process is forked, not started
    functions, name = stack.cloud.client("lambda"), f"probe-{uuid.uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=name,
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Role=stack.function["Configuration"]["Role"],
        Handler="batchbell.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=60,
    )
    answers = json.loads(functions.invoke(FunctionName=name, Payload=json.dumps(calls))["Payload"].read())
    functions.delete_function(FunctionName=name)
    return [(*call[:2], answer) for call, answer in zip(calls, answers, strict=True)]


@pytest.fixture(scope="module")
def answers(stack, others):
    """The answers to the calls that the function needs, and to those that an attacker would try afterwards."""
    needed, forbidden = [*calls_of(stack), *stack.calls], [*forbidden_calls(stack, others)]
    found = probe(stack, [*needed, *forbidden])
    return found[: len(needed)], found[len(needed) :]


def test_the_functions_role_allows_every_call_that_it_needs(answers):
    allowed, _ = answers

    assert [answer for answer in allowed if answer[2] != "ok"] == []


def test_the_functions_role_refuses_every_other_call(answers):
    _, refused = answers

    assert len(refused) > 40
    assert [answer for answer in refused if answer[2] not in REFUSALS] == []


def test_only_the_stacks_own_rules_may_send_to_its_queues_and_only_requests_without_tls_are_denied(stack):
    rules = {arn("events", f"rule/{rule}") for rule in stack.ids("aws:cloudwatch/eventRule:EventRule")}
    ours = {"Service": "events.amazonaws.com"}
    assert len(rules) == (2 if stack.sweeps else 1)
    for purpose in PURPOSES:
        attributes = stack.queue(purpose)
        statements = json.loads(attributes["Policy"])["Statement"]
        denied = [one for one in statements if one["Effect"] == "Deny"]
        allowed = [one for one in statements if one["Effect"] == "Allow"]

        assert [(one["Principal"], one["Action"], one["Condition"]) for one in denied] == [
            ("*", "sqs:*", {"Bool": {"aws:SecureTransport": "false"}})
        ]
        assert {one["Resource"] for one in statements} == {attributes["QueueArn"]}
        assert [(one["Principal"], one["Action"], list(one["Condition"])) for one in allowed] == (
            [] if purpose == "retry" else [(ours, "sqs:SendMessage", ["ArnEquals"])]
        )
        assert all(set(one["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules for one in allowed)


def waiting(stack: InspectedStack) -> list[int]:
    """Return the number of messages in each of the stack's queues."""
    return [stack.cloud.message_count(stack.outputs[f"{purpose}_queue_url"]) for purpose in PURPOSES]


@pytest.fixture
def their_source(stack, others):
    """The source of events that another rule sends to all queues of the stack, then to somebody else's."""
    events, source = stack.cloud.client("events"), f"theirs.{uuid.uuid4().hex}"
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    # Targets get an event in this order: when the last one has it, the others have it or never will.
    arns = [*(stack.queue_arn(purpose) for purpose in PURPOSES), arn("sqs", others.name)]
    targets = [{"Id": str(number), "Arn": one} for number, one in enumerate(arns)]
    events.put_targets(Rule=source, Targets=targets)
    yield source
    events.remove_targets(Rule=source, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=source)


def test_another_rule_of_the_account_cannot_send_to_its_queues(stack, others, their_source, wait_until):
    wait_until(lambda: waiting(stack)[:2] == [0, 0], "idle", timeout=20)
    idle = waiting(stack)
    before = stack.cloud.message_count(others.queue_url)
    stack.cloud.client("events").put_events(Entries=[{"Source": their_source, "DetailType": "x", "Detail": "{}"}])
    wait_until(lambda: stack.cloud.message_count(others.queue_url) == before + 1, "sent")

    assert waiting(stack) == idle


def test_its_queues_are_encrypted_and_accept_the_largest_event(stack):
    for purpose in PURPOSES:
        attributes = stack.queue(purpose)

        assert attributes["SqsManagedSseEnabled"] == "true"
        assert attributes["MaximumMessageSize"] == "1048576"


def test_records_that_crash_the_function_and_events_that_a_rule_cannot_deliver_are_dead_letters_for_14_days(stack):
    events, dead_letters = stack.cloud.client("events"), stack.queue("dead_letter")
    for purpose in PURPOSES[:2]:
        redrive = json.loads(stack.queue(purpose)["RedrivePolicy"])
        assert redrive == {"deadLetterTargetArn": dead_letters["QueueArn"], "maxReceiveCount": 5}
    rules = stack.ids("aws:cloudwatch/eventRule:EventRule")
    targets = [target for rule in rules for target in events.list_targets_by_rule(Rule=rule)["Targets"]]

    assert len(targets) == len(rules) == (2 if stack.sweeps else 1)
    assert {(one["Arn"], one["DeadLetterConfig"]["Arn"]) for one in targets} == {
        (stack.queue_arn("intake"), dead_letters["QueueArn"])
    }
    assert dead_letters["MessageRetentionPeriod"] == str(14 * 86_400)


def test_a_secret_is_only_where_its_readers_can_see_it(stack, sink):
    """The engine tests look at the state file."""
    token = sink.url.rpartition("/")[2]
    function = stack.function
    package = zipfile.ZipFile(io.BytesIO(urllib.request.urlopen(function["Code"]["Location"]).read()))
    alarms = stack.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    visible = [function, stack.outputs, stack.statements(stack.role), alarms, [stack.queue(one) for one in PURPOSES]]

    assert token not in json.dumps(visible, default=str)
    assert not any(token.encode() in package.read(name) for name in package.namelist())
    entries = json.loads(package.read("manifest.json"))["instances"]
    named = [store for entry in entries for secret in entry["secrets"].values() for store in secret.items()]
    readable = stack.needs.get("ssm:GetParameter", set()) | stack.needs.get("secretsmanager:GetSecretValue", set())
    assert {place for _, place in named} == readable


@pytest.mark.parametrize("stack", ["every-option"], indirect=True)
def test_with_these_rights_alone_a_job_reaches_every_channel(stack, resources, sink, event, wait_until):
    name = f"job-{uuid.uuid4().hex[:8]}"
    sns, sqs = stack.cloud.client("sns"), stack.cloud.client("sqs")
    for topic in (resources.topic, stack.outputs["notifiers"]["made"]["topic_arn"]):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", resources.name))
    before = stack.cloud.message_count(resources.queue_url)
    job = {"jobName": name, "jobId": str(uuid.uuid4()), "jobArn": f"{BATCH_ARN}:job/{uuid.uuid4()}"}
    sqs.send_message(
        QueueUrl=stack.outputs["intake_queue_url"], MessageBody=json.dumps(event("parent-succeeded", **job))
    )
    wait_until(lambda: stack.cloud.message_count(resources.queue_url) >= before + 2, "published twice", timeout=20)
    wait_until(lambda: len([one for one in sink.accepted if name in one["text"]]) >= 2, "in Slack twice", timeout=20)
    wait_until(lambda: any(name in mail["Subject"] for mail in stack.cloud.mailbox()), "mailed", timeout=20)
