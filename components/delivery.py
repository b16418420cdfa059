"""Delivery: the queues, the ledger and the function between the rules and the notifiers.

Visibility timeouts and retry delays scale with the function's timeout, which is one setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.partitions import Feature, offers
from batchbell.provisioning import Context, Statement
from batchbell.wire import LEDGER_INDEX, MANIFEST, Column, Variable, Watch

from .function_policy import policy_document, use_of_key, use_of_network
from .granted_notifier import GrantedNotifier
from .message_settings import MessageSettings, manifest, reading_logs
from .service_role import service_role
from .settings.function import FunctionSettings
from .sweeps import rights_of_sweeps

# A record is hidden from its receipt on, while the mapping collects it too. Lambda Developer Guide, "Using Lambda with
# Amazon SQS": at least six times the function's timeout, and the window; "Batching behavior": a mapping with a window
# collects from a quiet queue for up to 20 s.
VISIBILITY_FACTOR = 6
QUIET_GATHERING = 20  # s
VISIBILITY_BESIDE_TIMEOUT = 30  # s at least on top of one timeout
INTAKE_WINDOW = 0  # s: with a window, events in a quiet queue would wait up to 20 s
RETRY_WINDOW = 5  # s
# How often SQS hands over a record that crashes the function before it is dead-lettered; AWS recommends at least 5
# (same page).
MAX_RECEIVES = 5
# SQS's default is too small for the largest event in its envelope (SQS API reference, SetQueueAttributes).
MAX_MESSAGE = 1_048_576  # bytes
DEAD_LETTER_DAYS = 14
MEMORY_SIZE = 256  # MB; docs/performance.md shows the effect of other sizes


def visibility_timeout(timeout: int, window: int) -> int:
    """How long a received record is hidden, in seconds.

    timeout: the function's
    window: the batching window of the queue's mapping
    """
    gathering = max(window, QUIET_GATHERING) if window else 0
    return max(VISIBILITY_FACTOR * timeout + gathering, VISIBILITY_BESIDE_TIMEOUT + timeout)


class Delivery(pulumi.ComponentResource):
    """The way from the rules to the notifiers: each event in `intake` is delivered, retried or dead-lettered."""

    def __init__(
        self,
        name: str,
        settings: FunctionSettings,
        context: Context,
        *,
        rule_arns: Sequence[pulumi.Input[str]],
        notifiers: Sequence[GrantedNotifier],
        messages: MessageSettings,
        watch: Watch | None,
        bundle: Path,
        protect: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the queues, the ledger and the function.

        rule_arns: the EventBridge rules that may send to the queues
        watch: what sweeps look at; None without sweeps
        bundle: folder with the function's package
        protect: whether Pulumi refuses to delete what messages are in: the ledger and the queues
        """
        super().__init__("batchbell:index:Delivery", name, None, opts)
        self._name, self._settings, self._context = name, settings, context
        self._keeping = pulumi.ResourceOptions(parent=self, protect=protect)
        self.dead_letters = self._queue("dead-letters", message_retention_seconds=DEAD_LETTER_DAYS * 86_400)
        self.intake = self._working_queue("intake", INTAKE_WINDOW)
        self.retry = self._working_queue("retry", RETRY_WINDOW)
        self.policies = [
            self._queue_policy("intake", self.intake, rule_arns),
            self._queue_policy("retry", self.retry, ()),
            self._queue_policy("dead-letters", self.dead_letters, rule_arns),
        ]
        self.ledger = aws.dynamodb.Table(
            f"{name}-ledger",
            billing_mode="PAY_PER_REQUEST",
            hash_key=Column.MESSAGE,
            range_key=Column.NOTIFIER,
            attributes=[
                {"name": Column.MESSAGE, "type": "S"},
                {"name": Column.NOTIFIER, "type": "S"},
                {"name": Column.SENT, "type": "N"},
            ],
            # Says when a notifier last sent a message, without an extra write: it has no rows without `sent`.
            global_secondary_indexes=[
                {
                    "name": LEDGER_INDEX,
                    # Deprecated, but with `key_schemas` each preview may show a change of the index
                    # (hashicorp/terraform-provider-aws#46513 and #46601, open).
                    "hash_key": Column.NOTIFIER,
                    "range_key": Column.SENT,
                    "projection_type": "KEYS_ONLY",
                }
            ],
            ttl={"attribute_name": Column.EXPIRES, "enabled": True},
            server_side_encryption=(
                None if context.kms_key_arn is None else {"enabled": True, "kms_key_arn": context.kms_key_arn}
            ),
            tags=context.tags,
            opts=self._keeping,
        )
        self.function = self._function(notifiers, messages, watch, bundle)
        self.register_outputs({"intake_queue_url": self.intake.url, "function_name": self.function.name})

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _queue(self, purpose: str, **options: Any) -> aws.sqs.Queue:
        # Never the aws/sqs key: EventBridge cannot send to such a queue (EventBridge User Guide, "Troubleshooting").
        key = self._context.kms_key_arn
        return aws.sqs.Queue(
            f"{self._name}-{purpose}",
            max_message_size=MAX_MESSAGE,
            sqs_managed_sse_enabled=True if key is None else None,
            kms_master_key_id=key,
            tags=self._context.tags,
            opts=self._keeping,
            **options,
        )

    def _working_queue(self, purpose: str, window: int) -> aws.sqs.Queue:
        return self._queue(
            purpose,
            visibility_timeout_seconds=visibility_timeout(self._settings.timeout, window),
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self.dead_letters.arn, "maxReceiveCount": MAX_RECEIVES}
            ),
        )

    def _queue_policy(
        self, purpose: str, queue: aws.sqs.Queue, rule_arns: Sequence[pulumi.Input[str]]
    ) -> aws.sqs.QueuePolicy:
        """Allow this stack's rules, and deny requests without TLS. Denying all other senders would break a redrive."""
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

    def _function(
        self, notifiers: Sequence[GrantedNotifier], messages: MessageSettings, watch: Watch | None, bundle: Path
    ) -> aws.lambda_.Function:
        settings = self._settings
        log_group = aws.cloudwatch.LogGroup(
            f"{self._name}-dispatcher",
            retention_in_days=settings.log_retention_days,
            kms_key_id=self._context.kms_key_arn,
            tags=self._context.tags,
            opts=self._child(),
        )
        rights = [*reading_logs(messages), *(rights_of_sweeps(self.ledger.arn) if watch is not None else ())]
        role, policy = self._role(log_group, notifiers, rights)
        function = aws.lambda_.Function(
            f"{self._name}-dispatcher",
            description="batchbell: sends one message per finished array job and notifier",
            role=role.arn,
            runtime=f"python{settings.python_version}",
            architectures=[settings.architecture],
            handler="batchbell.dispatcher.handler.handler",
            code=manifest(notifiers, messages, watch).apply(
                lambda text: pulumi.AssetArchive(
                    {".": pulumi.FileArchive(str(bundle)), MANIFEST: pulumi.StringAsset(text)}
                )
            ),
            memory_size=MEMORY_SIZE,
            timeout=settings.timeout,
            logging_config={"log_format": "Text", "log_group": log_group.name},
            environment={
                "variables": {
                    Variable.LEDGER_TABLE: self.ledger.name,
                    Variable.RETRY_QUEUE_URL: self.retry.url,
                    Variable.DEAD_LETTER_QUEUE_URL: self.dead_letters.url,
                    Variable.FUNCTION_TIMEOUT: str(settings.timeout),
                    Variable.STACK: pulumi.get_stack(),
                    Variable.LOG_SERVICE: pulumi.get_stack(),
                }
            },
            kms_key_arn=self._context.kms_key_arn,  # encrypts the environment
            vpc_config=(
                {"subnet_ids": list(settings.subnet_ids), "security_group_ids": list(settings.security_group_ids)}
                if settings.subnet_ids
                else None
            ),
            tags=self._context.tags,
            # Without its permissions the first invocation could not even write its log.
            opts=self._child(policy),
        )
        needs = [policy, *self._recursion(function)]
        self._mapping("intake", self.intake, function, needs, batch=10, window=INTAKE_WINDOW, concurrency=5)
        # Without a cap Lambda has as few as 2 pollers for a queue at rest, with one always 5 ("Configuring scaling
        # behavior for SQS event source mappings"). Batches of 100 keep the number of invocations small.
        self._mapping("retry", self.retry, function, needs, batch=100, window=RETRY_WINDOW, concurrency=None)
        return function

    def _recursion(self, function: aws.lambda_.Function) -> list[pulumi.Resource]:
        """Let the function send tickets to its own retry queue, where a ticket's age ends the loop.

        Lambda sees a runaway loop there, and would drop a ticket after 16 rounds (Lambda Developer Guide, "Use Lambda
        recursive loop detection"). Where Lambda lacks this setting, it does not look for loops.
        """
        if not self._offers(Feature.RECURSION_SETTING):
            return []
        return [
            aws.lambda_.FunctionRecursionConfig(
                f"{self._name}-dispatcher", function_name=function.name, recursive_loop="Allow", opts=self._child()
            )
        ]

    def _offers(self, feature: Feature) -> bool:
        return offers(self._context.partition, self._context.region, feature)

    def _mapping(
        self,
        purpose: str,
        queue: aws.sqs.Queue,
        function: aws.lambda_.Function,
        needs: Sequence[pulumi.Resource],
        *,
        batch: int,
        window: int,
        concurrency: int | None,
    ) -> None:
        # Concurrency is capped here, not by the function's reserved concurrency: throttled invocations use up receives.
        aws.lambda_.EventSourceMapping(
            f"{self._name}-{purpose}",
            event_source_arn=queue.arn,
            function_name=function.arn,
            batch_size=batch,
            maximum_batching_window_in_seconds=window,
            scaling_config=None if concurrency is None else {"maximum_concurrency": concurrency},
            function_response_types=["ReportBatchItemFailures"],
            tags=self._context.tags if self._offers(Feature.MAPPING_TAGS) else None,
            opts=self._child(*needs),
        )

    def _role(
        self, log_group: aws.cloudwatch.LogGroup, notifiers: Sequence[GrantedNotifier], rights: Sequence[Statement]
    ) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        role = service_role(f"{self._name}-dispatcher", "lambda.amazonaws.com", self._context, self._child())
        statements = [
            Statement(
                ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), (self.intake.arn, self.retry.arn)
            ),
            Statement(("sqs:SendMessage",), (self.retry.arn, self.dead_letters.arn)),
            Statement(("dynamodb:UpdateItem",), (self.ledger.arn,)),
            Statement(("dynamodb:Query",), (pulumi.Output.concat(self.ledger.arn, "/index/", LEDGER_INDEX),)),
            Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (pulumi.Output.concat(log_group.arn, ":*"),)),
            # AWS supports no resource ARNs for these two (Service Authorization Reference, "AWS Batch").
            Statement(("batch:ListJobs", "batch:DescribeJobs"), ("*",)),
            *rights,
            *(use_of_key(self._context.kms_key_arn) if self._context.kms_key_arn is not None else ()),
            *(use_of_network() if self._settings.subnet_ids else ()),
            *(statement for granted in notifiers for statement in granted.statements()),
        ]
        policy = aws.iam.RolePolicy(
            f"{self._name}-dispatcher",
            role=role.name,
            policy=policy_document(statements),
            opts=self._child(),
        )
        return role, policy
