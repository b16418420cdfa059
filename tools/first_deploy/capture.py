"""Captures Batch's events of one job queue: a temporary rule that puts them into a temporary queue."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .account import Account
from .cleanup import Cleanup

NAME = "batchbell-first-deploy-capture"  # of the rule and the queue
GONE = ("ResourceNotFoundException", "QueueDoesNotExist", "NonExistentQueue")


@dataclass(frozen=True)
class Capture:
    """The temporary queue."""

    sqs: Any
    queue_url: str

    def receive(self) -> list[dict[str, Any]]:
        """Return the events that have arrived since the last call, and delete them from the queue."""
        events: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages", []):
            for message in messages:
                events.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return events


def start_capture(account: Account, job_queue_arn: str, cleanup: Cleanup) -> Capture:
    """Make the rule and the queue. Every status of every job of the job queue, parents and children, arrives."""
    sqs, events = account.client("sqs"), account.client("events")
    cleanup.add("the temporary queue", lambda: remove_queue(account))
    url = sqs.create_queue(QueueName=NAME, Attributes={"SqsManagedSseEnabled": "true"})["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cleanup.add("the temporary rule", lambda: remove_rule(account))
    pattern = {
        "source": ["aws.batch"],
        "detail-type": ["Batch Job State Change"],
        "detail": {"jobQueue": [job_queue_arn]},
    }
    rule_arn = events.put_rule(Name=NAME, EventPattern=json.dumps(pattern), State="ENABLED")["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    answer = events.put_targets(Rule=NAME, Targets=[{"Id": "capture", "Arn": queue_arn}])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge refused the target: {answer['FailedEntries'][0]['ErrorMessage']}")
    return Capture(sqs, url)


def remove_rule(account: Account) -> None:
    events = account.client("events")
    with _gone():
        events.remove_targets(Rule=NAME, Ids=["capture"])
    with _gone():
        events.delete_rule(Name=NAME)


def remove_queue(account: Account) -> None:
    sqs = account.client("sqs")
    with _gone():
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=NAME)["QueueUrl"])


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    """What does not exist needs no removal."""
    try:
        yield
    except ClientError as error:
        if not error.response["Error"]["Code"].endswith(GONE):
            raise
