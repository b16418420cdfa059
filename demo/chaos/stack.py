"""The deployed stack of a chaos run, and what can be read from its channels, queues and log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment
from batchbell_local.slack.sink import SlackSink
from batchbell_local.slack.web_api import SlackWebApi
from demo.chaos.boards import is_board

SQS_BATCH = 10


@dataclass(frozen=True)
class Stack:
    """The deployed stack with its channels.

    sink: of the webhook.
    web: what the bot of the other Slack notifier calls.
    topic: collects what the stack's SNS topic publishes.
    """

    cloud: LocalCloud
    sink: SlackSink
    web: SlackWebApi
    deployment: Deployment
    topic: CollectingQueue

    @property
    def function(self) -> str:
        return str(self.deployment.outputs["function_name"])

    @property
    def rule(self) -> str:
        """The name of the rule that sends the events of jobs."""
        return str(self.deployment.outputs["rule_arn"]).rpartition("/")[2]

    @cached_property
    def schedule(self) -> str:
        """The name of the rule that lets the stack look at the jobs that run."""
        rules = self.cloud.client("events").list_rules()["Rules"]
        return next(str(rule["Name"]) for rule in rules if rule.get("ScheduleExpression"))

    def sweep(self) -> None:
        """Let the stack look at the jobs that run, as its schedule does each minute."""
        self.cloud.rules.fire(self.schedule)

    def queue_url(self, name: str) -> str:
        return str(self.deployment.outputs[f"{name}_queue_url"])

    def put(self, queue: str, bodies: Sequence[str]) -> None:
        sqs = self.cloud.client("sqs")
        for body in bodies:
            sqs.send_message(QueueUrl=self.queue_url(queue), MessageBody=body)

    def tickets(self) -> list[dict[str, Any]]:
        """The bodies that wait in the retry queue."""
        waiting = self.cloud.waiting_messages(self.queue_url("retry"))
        return [parse(one["body"]) or {"raw": one["body"]} for one in waiting]

    def arrived(self, passed_on: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Sequence[str]]]:
        """The texts of each message that a channel accepted, by notifier.

        passed_on: payloads that reached Slack although its answer did not come back.
        """
        return {
            "slack": [list(strings_in(payload["blocks"])) for payload in (*self.sink.accepted, *passed_on)],
            "bot": [[one.shown.text, *strings_in(one.shown.blocks)] for one in self.web.messages if not is_board(one)],
            "email": [[mail["Subject"], mail["BodyText"]] for mail in self.cloud.mailbox()],
            "sns": [list(strings_in(json.loads(json.loads(body)["Message"]))) for body in self.topic.bodies()],
        }

    def take_dead_letters(self) -> list[dict[str, Any]]:
        """Remove the dead letters and return their bodies; one that is not JSON is {"raw": text}."""
        sqs, url = self.cloud.client("sqs"), self.queue_url("dead_letter")
        bodies: list[str] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=SQS_BATCH).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [parse(body) or {"raw": body} for body in bodies]

    def log(self) -> Iterator[dict[str, Any]]:
        """The JSON lines of the function's log."""
        for event in self.cloud.function_log(self.function):
            if line := parse(event["message"]):
                yield line


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from strings_in(part)


def parse(text: str) -> dict[str, Any] | None:
    """The JSON object in `text`; None if it is not one."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
