"""Three kinds of stacks, each with its properties in AWS and the rights that its function should have.

print-color is the stack that all tests share; the others are deployed beside it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment, this_machine
from demo.print_color import SENDER, describe_job_definition
from tests.end_to_end.shared_stack import WEBHOOK, SharedStack
from tests.end_to_end.stack import deploy

BATCH_ARN = "arn:aws:batch:us-east-1:123456789012"
Call = tuple[str, str, dict[str, Any]]  # for boto3: service, operation, arguments


@dataclass(frozen=True)
class AccountResources:
    """Resources of the account that belong to no stack.

    name: of a parameter, a secret, a table, a topic, a queue and a log group
    queue_url: of a queue to which every rule and topic may send

    All other fields are ARNs.
    """

    name: str
    parameter: str
    secret: str
    topic: str
    alarm_topic: str
    key: str
    queue_url: str


@dataclass(frozen=True)
class InspectedStack:
    """A stack and its properties in AWS.

    needs: resources by action that its notifiers need
    calls: calls that its notifiers make
    sweeps: whether it looks at the arrays that run
    """

    cloud: LocalCloud
    deployment: Deployment
    needs: Mapping[str, set[str]]
    calls: list[Call]
    sweeps: bool = False

    @property
    def outputs(self) -> dict[str, Any]:
        return self.deployment.outputs

    @property
    def function(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cloud.client("lambda").get_function(FunctionName=self.outputs["function_name"])
        return found

    @property
    def role(self) -> str:
        """The name of the function's role."""
        return str(self.function["Configuration"]["Role"]).rpartition("/")[2]

    @property
    def log_group(self) -> str:
        return str(self.function["Configuration"]["LoggingConfig"]["LogGroup"])

    def ids(self, type_: str) -> list[str]:
        return [resource.id for resource in self.deployment.resources if resource.type == type_]

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role's inline policies."""
        iam = self.cloud.client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return [statement for document in documents for statement in document["Statement"]]

    def queue(self, purpose: str) -> dict[str, str]:
        """Return the attributes of a queue."""
        url = self.outputs[f"{purpose}_queue_url"]
        answer = self.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        found: dict[str, str] = answer["Attributes"]
        return found

    def queue_arn(self, purpose: str) -> str:
        return self.queue(purpose)["QueueArn"]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:us-east-1:123456789012:{resource}"


def make_account_resources(cloud: LocalCloud, webhook: str) -> AccountResources:
    name, client = f"theirs-{uuid.uuid4().hex[:8]}", cloud.client
    senders = {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}
    anybody = {"Effect": "Allow", "Principal": senders, "Action": "sqs:SendMessage", "Resource": arn("sqs", name)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    client("ssm").put_parameter(Name=f"/{name}", Value=webhook, Type="SecureString")
    client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "message", "KeyType": "HASH"}, {"AttributeName": "notifier", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("message", "notifier")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "deliveries",
                "KeySchema": [{"AttributeName": "notifier", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    client("logs").create_log_group(logGroupName=name)
    return AccountResources(
        name,
        arn("ssm", f"parameter/{name}"),
        client("secretsmanager").create_secret(Name=name, SecretString=webhook)["ARN"],
        client("sns").create_topic(Name=name)["TopicArn"],
        client("sns").create_topic(Name=f"{name}-alarms")["TopicArn"],
        client("kms").create_key()["KeyMetadata"]["Arn"],
        client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"],
    )


def mail(sender: str) -> Call:
    content = {"Simple": {"Subject": {"Data": "done"}, "Body": {"Text": {"Data": "7 of 7"}}}}
    destination = {"ToAddresses": ["team@example.com"]}
    return "sesv2", "send_email", {"FromEmailAddress": sender, "Destination": destination, "Content": content}


SENDING_MAIL: Mapping[str, set[str]] = {
    action: {arn("ses", "identity/*"), arn("ses", "configuration-set/*")}
    for action in ("ses:SendEmail", "ses:SendRawEmail")
}


def inspect_print_color(shared: SharedStack, project: Path, account: AccountResources) -> InspectedStack:
    parameter = arn("ssm", f"parameter{WEBHOOK}")
    topic = shared.deployment.outputs["notifiers"]["sns"]["topic_arn"]
    options = describe_job_definition(shared.cloud, shared.deployment)["containerProperties"]["logConfiguration"]
    groups = ("/aws/batch/job", options["options"]["awslogs-group"])
    logs = {arn("logs", f"log-group:{group}:log-stream:*") for group in groups}
    return InspectedStack(
        shared.cloud,
        shared.deployment,
        {**SENDING_MAIL, "ssm:GetParameter": {parameter}, "sns:Publish": {topic}, "logs:GetLogEvents": logs},
        [
            mail(SENDER),
            ("ssm", "get_parameter", {"Name": parameter, "WithDecryption": True}),
            ("sns", "publish", {"TopicArn": topic, "Message": "done"}),
        ],
    )


def deploy_production(shared: SharedStack, project: Path, account: AccountResources) -> InspectedStack:
    deployment = deploy(shared.cloud.environment(), project, "production", config=this_machine())
    return InspectedStack(shared.cloud, deployment, SENDING_MAIL, [mail(SENDER)])


def deploy_every_option(shared: SharedStack, project: Path, account: AccountResources) -> InspectedStack:
    config = {
        "job_queue_arns": [f"{BATCH_ARN}:job-queue/nightly"],
        "alarm_topic_arn": account.alarm_topic,
        "watch_every": 15,
        "notifiers": [
            {"type": "slack", "name": "kept", "webhook": {"ssm": account.parameter, "kms_key_arn": account.key}},
            {"type": "slack", "name": "managed", "webhook": {"secretsmanager": account.secret}},
            {"type": "email", "name": "team", "sender": f"Batch <{SENDER}>", "recipients": ["team@example.com"]},
            {"type": "sns", "name": "made"},
            {"type": "sns", "name": "given", "topic_arn": account.topic, "kms_key_arn": account.key},
        ],
    }
    deployment = deploy(shared.cloud.environment(), project, "every-option", config=config | this_machine())
    made = deployment.outputs["notifiers"]["made"]["topic_arn"]
    return InspectedStack(
        shared.cloud,
        deployment,
        {
            **SENDING_MAIL,
            "ssm:GetParameter": {account.parameter},
            "secretsmanager:GetSecretValue": {account.secret},
            "sns:Publish": {made, account.topic},
            "kms:Decrypt": {account.key},
            "kms:GenerateDataKey": {account.key},
        },
        [
            mail(f"Batch <{SENDER}>"),
            ("ssm", "get_parameter", {"Name": account.parameter, "WithDecryption": True}),
            ("secretsmanager", "get_secret_value", {"SecretId": account.secret}),
            ("sns", "publish", {"TopicArn": made, "Message": "done"}),
            ("sns", "publish", {"TopicArn": account.topic, "Message": "done"}),
            ("kms", "generate_data_key", {"KeyId": account.key, "KeySpec": "AES_256"}),
        ],
        sweeps=True,
    )


STACKS: Mapping[str, Callable[[SharedStack, Path, AccountResources], InspectedStack]] = {
    "print-color": inspect_print_color,
    "production": deploy_production,
    "every-option": deploy_every_option,
}
