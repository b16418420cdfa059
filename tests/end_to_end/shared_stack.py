"""The print-color stack that the tests of a process share: deployed once, and as new at the start of each file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment, this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.end_to_end.stack import TIMEOUT, Stack, deploy, shorten_batching
from tests.waiting import wait_until

WEBHOOK = "/batchbell/batchbell/print-color/bell/slack/webhook"  # the parameter in which the stack keeps it
UNLIMITED = 10**9


@dataclass
class SharedStack:
    """The stack, and how it is when it is new."""

    cloud: LocalCloud
    deployment: Deployment
    sink: SlackSink
    mappings: list[dict[str, Any]] = field(default_factory=list)
    configuration: dict[str, Any] = field(default_factory=dict)
    queues: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        functions, self._function = self.cloud.client("lambda"), self.deployment.outputs["function_name"]
        self.mappings = functions.list_event_source_mappings(FunctionName=self._function)["EventSourceMappings"]
        self.configuration = functions.get_function_configuration(FunctionName=self._function)
        for purpose in ("intake", "retry", "dead_letter"):
            url = self.deployment.outputs[f"{purpose}_queue_url"]
            found = self.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
            self.queues[url] = found["Attributes"]

    def renew(self) -> None:
        """End all faults and forget all jobs; start new processes, which know nothing of the channels."""
        self._restore_channels()
        self._restore_function()
        sqs, dynamodb = self.cloud.client("sqs"), self.cloud.client("dynamodb")
        for url, attributes in self.queues.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
            sqs.purge_queue(QueueUrl=url)
        table = self.deployment.outputs["ledger_table_name"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for row in page["Items"]:
                key = {name: row[name] for name in ("message", "notifier")}
                dynamodb.delete_item(TableName=table, Key=key)

    def start_new_processes(self) -> None:
        """Let later invocations run in new processes, which know nothing of the channels."""
        self.cloud.client("lambda").update_function_configuration(
            FunctionName=self._function, Environment=self.configuration["Environment"]
        )

    def _restore_channels(self) -> None:
        self.cloud.clear_faults()
        self.sink.answer(status=200)
        self.sink.answer_with(lambda body: None)
        self.sink.on_accepted(lambda body: None)
        self.sink.limit(UNLIMITED, UNLIMITED)
        self.sink.listen()
        self.cloud.client("ssm").put_parameter(Name=WEBHOOK, Value=self.sink.url, Type="SecureString", Overwrite=True)
        sns, topic = self.cloud.client("sns"), self.deployment.outputs["notifiers"]["sns"]["topic_arn"]
        for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])

    def _restore_function(self) -> None:
        functions = self.cloud.client("lambda")
        self.cloud.kill_functions()
        self.start_new_processes()
        for mapping in self.mappings:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"],
                Enabled=True,
                BatchSize=mapping["BatchSize"],
                MaximumBatchingWindowInSeconds=mapping.get("MaximumBatchingWindowInSeconds", 0),
            )


@pytest.fixture(scope="session")
def shared_cloud() -> Iterator[LocalCloud]:
    """A local AWS for all stacks of a process whose names, queues and jobs differ."""
    with LocalCloud.start() as running:
        running.verify_sender(SENDER)
        yield running


@pytest.fixture(scope="session")
def shared_stack(shared_cloud: LocalCloud, project: Path) -> Iterator[SharedStack]:
    with SlackSink.start() as sink:
        deployment = deploy(
            shared_cloud.environment(),
            project,
            "print-color",
            config={**this_machine(), "function_timeout": TIMEOUT},
            secrets={"slackWebhook": sink.url},
        )
        shorten_batching(shared_cloud, deployment)
        yield SharedStack(shared_cloud, deployment, sink)


@pytest.fixture(scope="module")
def print_color(shared_stack: SharedStack) -> Stack:
    """The shared stack, which has no jobs, no faults and new processes."""
    shared_stack.renew()
    cloud, sink = shared_stack.cloud, shared_stack.sink
    return Stack(
        cloud, shared_stack.deployment, sink, wait_until, time.time(), len(sink.accepted), len(cloud.mailbox())
    )
