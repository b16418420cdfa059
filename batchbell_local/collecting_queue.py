"""A queue that collects what a rule or a topic sends, for tests and counts."""

from __future__ import annotations

import json
from typing import Any

from batchbell_local.cloud import LocalCloud


class CollectingQueue:
    """An SQS queue on the local AWS, and the bodies of all messages that it has received."""

    def __init__(self, cloud: LocalCloud, name: str, sender: str) -> None:
        """`sender`: the AWS service that may send to the queue, such as "sns.amazonaws.com"."""
        self._sqs = cloud.client("sqs")
        self.url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        names = ["QueueArn"]
        self.arn: str = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"][names[0]]
        allow = {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": self.arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self._bodies: list[str] = []

    @classmethod
    def of_topic(cls, cloud: LocalCloud, name: str, topic_arn: str) -> CollectingQueue:
        """A queue that is subscribed to the topic and receives SNS's envelopes."""
        queue = cls(cloud, name, "sns.amazonaws.com")
        attributes = {"RawMessageDelivery": "false"}
        cloud.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
        return queue

    @classmethod
    def of_rule(cls, cloud: LocalCloud, name: str, rule: str) -> CollectingQueue:
        """A queue that is a target of the rule and receives its events."""
        queue = cls(cloud, name, "events.amazonaws.com")
        cloud.client("events").put_targets(Rule=rule, Targets=[{"Id": name, "Arn": queue.arn}])
        return queue

    def bodies(self) -> list[str]:
        """The bodies of all messages so far."""
        while messages := self._receive():
            self._bodies += [message["Body"] for message in messages]
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return list(self._bodies)

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found
