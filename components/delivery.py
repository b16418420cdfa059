"""Delivery: the queues, the ledger and the function between a rule and the notifiers.

Visibility timeouts and retry delays hang on the function's timeout, one setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context, Grants, SecretReference, Statement

from .notifier_choice import NotifierChoice
from .settings import FunctionSettings

# Lambda Developer Guide, "Using Lambda with Amazon SQS": at least six times the function's timeout.
VISIBILITY_FACTOR = 6
# Receives before SQS moves a record that kills the function; AWS asks for 5 at the least (same page).
MAX_RECEIVES = 5
# The default refuses the largest event plus the envelope that it travels in; SQS API reference, SetQueueAttributes.
MAX_MESSAGE = 1_048_576
DEAD_LETTER_DAYS = 14


@dataclass(frozen=True)
class GrantedChoice:
    """A configured notifier and what its infrastructure asked for."""

    choice: NotifierChoice
    grants: Grants
    secret_arns: Mapping[str, tuple[str, pulumi.Input[str]]]  # secret → ("ssm" or "secretsmanager", ARN)


class Delivery(pulumi.ComponentResource):
    """The way from the rules to the notifiers: what enters `intake` is delivered, retried, or a dead letter."""

    def __init__(
        self,
        name: str,
        settings: FunctionSettings,
        context: Context,
        *,
        rule_arns: Sequence[pulumi.Input[str]],
        notifiers: Sequence[GrantedChoice],
        bundle: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("batchbell:index:Delivery", name, None, opts)
        self._name, self._settings, self._context = name, settings, context
        self.dead_letters = self._queue("dead-letters", message_retention_seconds=DEAD_LETTER_DAYS * 86_400)
        self.intake = self._working_queue("intake")
        self.retry = self._working_queue("retry")
        self.policies = [
            self._queue_policy("intake", self.intake, rule_arns),
            self._queue_policy("retry", self.retry, ()),
            self._queue_policy("dead-letters", self.dead_letters, rule_arns),
        ]
        self.ledger = aws.dynamodb.Table(
            f"{name}-ledger",
            billing_mode="PAY_PER_REQUEST",
            hash_key="message",
            range_key="notifier",
            attributes=[{"name": "message", "type": "S"}, {"name": "notifier", "type": "S"}],
            ttl={"attribute_name": "expires", "enabled": True},
            tags=context.tags,
            opts=self._child(),
        )
        self.function = self._function(notifiers, bundle)
        self.register_outputs({"intake_queue_url": self.intake.url, "function_name": self.function.name})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _queue(self, purpose: str, **options: Any) -> aws.sqs.Queue:
        # SSE-SQS: EventBridge cannot send to a queue under the aws/sqs key (EventBridge User Guide, "Troubleshooting").
        return aws.sqs.Queue(
            f"{self._name}-{purpose}",
            max_message_size=MAX_MESSAGE,
            sqs_managed_sse_enabled=True,
            tags=self._context.tags,
            opts=self._child(),
            **options,
        )

    def _working_queue(self, purpose: str) -> aws.sqs.Queue:
        return self._queue(
            purpose,
            visibility_timeout_seconds=VISIBILITY_FACTOR * self._settings.timeout,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self.dead_letters.arn, "maxReceiveCount": MAX_RECEIVES}
            ),
        )

    def _queue_policy(
        self, purpose: str, queue: aws.sqs.Queue, rule_arns: Sequence[pulumi.Input[str]]
    ) -> aws.sqs.QueuePolicy:
        """This stack's rules may send; only what is not TLS is denied, since a Deny of all others breaks a redrive."""
        statements: list[dict[str, Any]] = [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue.arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
        if rule_arns:
            statements.append(
                {
                    "Sid": "OurRules",
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue.arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
                }
            )
        return aws.sqs.QueuePolicy(
            f"{self._name}-{purpose}",
            queue_url=queue.url,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
            opts=self._child(),
        )

    def _function(self, notifiers: Sequence[GrantedChoice], bundle: Path) -> aws.lambda_.Function:
        settings = self._settings
        log_group = aws.cloudwatch.LogGroup(
            f"{self._name}-dispatcher",
            retention_in_days=settings.log_retention_days,
            tags=self._context.tags,
            opts=self._child(),
        )
        role, policy = self._role(log_group, notifiers)
        function = aws.lambda_.Function(
            f"{self._name}-dispatcher",
            description="batchbell: one message a finished array job and notifier",
            role=role.arn,
            runtime=f"python{settings.python_version}",
            architectures=[settings.architecture],
            handler="batchbell.dispatcher.handler.handler",
            code=_manifest(notifiers).apply(
                lambda text: pulumi.AssetArchive(
                    {".": pulumi.FileArchive(str(bundle)), "manifest.json": pulumi.StringAsset(text)}
                )
            ),
            memory_size=256,
            timeout=settings.timeout,
            logging_config={"log_format": "Text", "log_group": log_group.name},
            environment={
                "variables": {
                    "BATCHBELL_LEDGER_TABLE": self.ledger.name,
                    "BATCHBELL_RETRY_QUEUE_URL": self.retry.url,
                    "BATCHBELL_DEAD_LETTER_QUEUE_URL": self.dead_letters.url,
                    "BATCHBELL_FUNCTION_TIMEOUT": str(settings.timeout),
                    "POWERTOOLS_SERVICE_NAME": self._name,
                }
            },
            tags=self._context.tags,
            # Without its rights the first run could not even write its log.
            opts=self._child(policy),
        )
        # A window would make a quiet queue wait, up to 20 s (Lambda Developer Guide, "Batching behavior"); tickets may.
        self._mapping("intake", self.intake, function, policy, batch=10, window=0, concurrency=5)
        self._mapping("retry", self.retry, function, policy, batch=100, window=5, concurrency=2)
        return function

    def _mapping(
        self,
        purpose: str,
        queue: aws.sqs.Queue,
        function: aws.lambda_.Function,
        policy: pulumi.Resource,
        *,
        batch: int,
        window: int,
        concurrency: int,
    ) -> None:
        # The cap is here and not the function's reserved concurrency: throttled invocations use up receive counts.
        aws.lambda_.EventSourceMapping(
            f"{self._name}-{purpose}",
            event_source_arn=queue.arn,
            function_name=function.arn,
            batch_size=batch,
            maximum_batching_window_in_seconds=window,
            scaling_config={"maximum_concurrency": concurrency},
            function_response_types=["ReportBatchItemFailures"],
            tags=self._context.tags,
            opts=self._child(policy),
        )

    def _role(
        self, log_group: aws.cloudwatch.LogGroup, notifiers: Sequence[GrantedChoice]
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ],
        }
        role = aws.iam.Role(
            f"{self._name}-dispatcher",
            assume_role_policy=json.dumps(trust),
            tags=self._context.tags,
            opts=self._child(),
        )
        statements = [
            Statement(
                ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), (self.intake.arn, self.retry.arn)
            ),
            Statement(("sqs:SendMessage",), (self.retry.arn, self.dead_letters.arn)),
            Statement(("dynamodb:UpdateItem",), (self.ledger.arn,)),
            Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (pulumi.Output.concat(log_group.arn, ":*"),)),
            # AWS takes no resource for these two (Service Authorization Reference, "AWS Batch").
            Statement(("batch:ListJobs", "batch:DescribeJobs"), ("*",)),
            *(statement for granted in notifiers for statement in granted.grants.statements),
            *(statement for granted in notifiers for statement in _may_read(granted)),
        ]
        policy = aws.iam.RolePolicy(
            f"{self._name}-dispatcher",
            role=role.name,
            policy=pulumi.Output.json_dumps(
                {"Version": "2012-10-17", "Statement": [_allow(statement) for statement in statements]}
            ),
            opts=self._child(),
        )
        return role, policy


def _may_read(granted: GrantedChoice) -> list[Statement]:
    """Exactly the secrets that this notifier refers to."""
    action = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}
    statements = [Statement((action[store],), (arn,)) for store, arn in granted.secret_arns.values()]
    keys = [reference.kms_key_arn for reference in granted.grants.secrets.values() if reference.kms_key_arn is not None]
    return statements + [Statement(("kms:Decrypt",), (key,)) for key in keys]


def _allow(statement: Statement) -> dict[str, Any]:
    allow: dict[str, Any] = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": list(statement.resources),
    }
    return allow | ({"Condition": statement.condition} if statement.condition else {})


def _manifest(notifiers: Sequence[GrantedChoice]) -> pulumi.Output[str]:
    """What the function reads at its start: see `batchbell.dispatcher.manifest`."""
    return pulumi.Output.json_dumps(
        {
            "instances": [
                {
                    "name": granted.choice.name,
                    "module": granted.choice.plugin.notifier_module,
                    "statuses": list(granted.choice.statuses),
                    "jobs": list(granted.choice.jobs),
                    "settings": dict(granted.grants.settings),
                    "secrets": {secret: {store: arn} for secret, (store, arn) in granted.secret_arns.items()},
                }
                for granted in notifiers
            ]
        },
        sort_keys=True,
    )


def store_secrets(
    name: str, choice: NotifierChoice, grants: Grants, context: Context, opts: pulumi.ResourceOptions
) -> Mapping[str, tuple[str, pulumi.Input[str]]]:
    """Where the function finds each of an instance's secrets. Values from stack config become SSM SecureStrings."""
    return {
        secret: _stored(f"{name}-{choice.name}-{secret}", secret, choice, reference, context, opts)
        for secret, reference in grants.secrets.items()
    }


def _stored(
    resource_name: str,
    secret: str,
    choice: NotifierChoice,
    reference: SecretReference,
    context: Context,
    opts: pulumi.ResourceOptions,
) -> tuple[str, pulumi.Input[str]]:
    if reference.ssm is not None:
        return "ssm", reference.ssm
    if reference.secretsmanager is not None:
        return "secretsmanager", reference.secretsmanager
    value = reference.value if reference.config is None else pulumi.Config().require_secret(reference.config)
    # Named in full: an automatic name lacks the leading slash that a hierarchy needs.
    path = f"/batchbell/{pulumi.get_project()}/{pulumi.get_stack()}/{context.prefix}/{choice.name}/{secret}"
    parameter = aws.ssm.Parameter(
        resource_name,
        name=path,
        type="SecureString",
        value=pulumi.Output.secret(value),
        key_id=reference.kms_key_arn,
        description=f"batchbell: {secret} of the notifier {choice.name}",
        tags=context.tags,
        opts=opts,
    )
    return "ssm", parameter.arn
