"""The deployed print-color stack, and an operator who runs commands on it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from typer.testing import CliRunner

from batchbell.cli import app
from batchbell.cli.deployed.stack import DeployedStack, find_stack
from batchbell.dispatcher.records.job import Job
from tests.end_to_end.conftest import name as name
from tests.end_to_end.stack import Stack
from tests.judges.iam_documents import policy

BATCH_ARN = "arn:aws:batch:us-east-1:123456789012"


@pytest.fixture
def finished(event, name, print_color):
    """Make the event of a finished array job of that name on the stack's queue; every call makes another job."""
    queue = f"{BATCH_ARN}:job-queue/{print_color.deployment.outputs['job_queue_name']}"

    def make(**detail):
        job = str(uuid.uuid4())
        named = {"jobName": name, "jobId": job, "jobArn": f"{BATCH_ARN}:job/{job}", "jobQueue": queue}
        return event("parent-succeeded", **named | detail)

    return make


@dataclass(frozen=True)
class Operator:
    """Somebody with access to the stack's AWS account."""

    stack: Stack
    run: Callable[..., Any]
    slack_answers: list[dict[str, Any]] = field(default_factory=list)  # in this test

    @property
    def deployed(self) -> DeployedStack:
        return find_stack(self.stack.deployment.outputs["function_name"], "", "", "")

    @property
    def dead_letter_url(self) -> str:
        return str(self.stack.deployment.outputs["dead_letter_queue_url"])

    def answer(self, command: str, *arguments: str, exit_code: int = 0) -> Any:
        """Run a command, and return what `--json` prints."""
        result = self.run(command, "--json", *arguments)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def bury(self, *bodies: Any, **attributes: str) -> None:
        """Put bodies into the dead-letter queue, each with these message attributes."""
        sqs = self.stack.cloud.client("sqs")
        given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            sqs.send_message(QueueUrl=self.dead_letter_url, MessageBody=text, MessageAttributes=given)

    def ledger_row(self, event: Any, notifier: str) -> Any:
        """Return the ledger's item for the event's message and the notifier; empty if there is none."""
        table = self.stack.deployment.outputs["ledger_table_name"]
        key = {"message": {"S": Job.from_event(event).key}, "notifier": {"S": notifier}}
        return self.stack.cloud.client("dynamodb").get_item(TableName=table, Key=key).get("Item", {})

    def let_slack_answer(self, **response: Any) -> None:
        """Let Slack answer so, until the next call or the end of the test."""
        self.slack_answers.append(response)
        self.stack.sink.answer(**response)

    def refuse(self, *events: Any) -> None:
        """Let Slack refuse the messages about these jobs permanently; the other channels accept them."""
        before = self.stack.in_queue("dead_letter_queue_url")
        self.let_slack_answer(status=404)
        self.stack.send(*events)
        self.stack.wait_until(
            lambda: self.stack.in_queue("dead_letter_queue_url") == before + len(events), "refused", timeout=20
        )
        self.stack.wait_until_idle()
        self.let_slack_answer(status=200)


@pytest.fixture
def operator(print_color, shared_stack, monkeypatch):
    """An operator of a stack whose dead-letter queue is empty, and whose processes know of no failing channel."""
    for variable, value in print_color.cloud.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("COLUMNS", "200")

    def run(command, *arguments, function=print_color.deployment.outputs["function_name"]):
        named = ("--function", function) if function else ()
        return CliRunner().invoke(app, [command, *named, *arguments])

    found = Operator(print_color, run)
    yield found
    print_color.sink.answer(status=200)
    if found.slack_answers:
        shared_stack.start_new_processes()
    print_color.wait_until_idle()  # the log tells of a refusal before its dead letter is in the queue
    print_color.cloud.client("sqs").purge_queue(QueueUrl=found.dead_letter_url)


@pytest.fixture
def ticket(name):
    """Make the body of a ticket about a job of that name."""

    def make(**fields):
        return {
            "ticket": 1,
            "message": {
                "key": f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}#FAILED",
                "kind": "array-job",
                "status": "FAILED",
                "severity": "failure",
                "title": f"{name} failed",
                "summary": "",
                "job_name": name,
                "facts": [],
                "failures": [],
                "notes": [],
                "links": [],
            },
            "notifier": "slack",
            "reason": "Slack answered 404 no_service",
            "first_tried": time.time() - 60,
            "attempt": 0,
        } | fields

    return make


@pytest.fixture
def function_stopped(print_color):
    """The function polls no queue; messages in the retry queue are purged afterwards."""
    client = print_color.cloud.client("lambda")
    function = print_color.deployment.outputs["function_name"]
    ids = [one["UUID"] for one in client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]]
    for id_ in ids:
        client.update_event_source_mapping(UUID=id_, Enabled=False)
    yield
    print_color.cloud.client("sqs").purge_queue(QueueUrl=print_color.deployment.outputs["retry_queue_url"])
    for id_ in ids:
        client.update_event_source_mapping(UUID=id_, Enabled=True)


@pytest.fixture
def documented_permissions(operator, monkeypatch):
    """The operator has only the permissions that docs/permissions.md lists.

    Returns a function that allows all of them but the statement with a `Sid`.
    """
    outputs, iam = operator.stack.deployment.outputs, operator.stack.cloud.client("iam")
    names = {
        "REGION": "us-east-1",
        "ACCOUNT": "123456789012",
        "FUNCTION": outputs["function_name"],
        "INTAKE": outputs["intake_queue_url"].rpartition("/")[2],
        "RETRY": outputs["retry_queue_url"].rpartition("/")[2],
        "DEAD-LETTERS": outputs["dead_letter_queue_url"].rpartition("/")[2],
        "LEDGER": outputs["ledger_table_name"],
    }
    document = policy("Operating", names).content
    user = f"operator-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)

    def allow_all_but(sid=""):
        kept = {**document, "Statement": [one for one in document["Statement"] if one["Sid"] != sid]}
        iam.put_user_policy(UserName=user, PolicyName="batchbell", PolicyDocument=json.dumps(kept))

    allow_all_but()
    key = iam.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    return allow_all_but
