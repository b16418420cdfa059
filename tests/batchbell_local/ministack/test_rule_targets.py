from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

PLACE = "123456789012"
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


class Rule:
    """A rule for one source of events, and queues as its targets."""

    def __init__(self, cloud: LocalCloud, pattern: dict[str, Any] | None = None) -> None:
        self.cloud, self.sqs, self.events = cloud, cloud.client("sqs"), cloud.client("events")
        self.name = f"rule-{uuid.uuid4().hex[:8]}"
        pattern = pattern or {"source": [self.name]}
        self.arn = self.events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))["RuleArn"]

    def queue(self, *statements: dict[str, Any], size: int = 262_144) -> str:
        """Create a queue with this policy; return its ARN."""
        name = f"queue-{uuid.uuid4().hex[:8]}"
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        attributes = {"MaximumMessageSize": str(size)} | ({"Policy": policy} if statements else {})
        self.sqs.create_queue(QueueName=name, Attributes=attributes)
        return f"arn:aws:sqs:us-east-1:{PLACE}:{name}"

    def open_queue(self, *statements: dict[str, Any], size: int = 262_144) -> str:
        """Create a queue that this rule may send to; return its ARN."""
        return self.queue(allow(self.arn), *statements, size=size)

    def target(self, queue: str, dead_letters: str = "", **options: Any) -> None:
        config = {"DeadLetterConfig": {"Arn": dead_letters}} if dead_letters else {}
        target = {"Id": queue.rpartition(":")[2], "Arn": queue, **config, **options}
        assert self.events.put_targets(Rule=self.name, Targets=[target])["FailedEntryCount"] == 0

    def put(self, **detail: Any) -> None:
        """Put an event on the bus; when this returns, it has been delivered."""
        entry = {"Source": self.name, "DetailType": "test", "Detail": json.dumps(detail)}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def messages(self, queue: str) -> list[dict[str, Any]]:
        url = self.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def delete(self, queue: str) -> None:
        self.sqs.delete_queue(QueueUrl=self.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"])


def allow(source: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": [source]}},
    }


def details(messages: list[dict[str, Any]]) -> list[Any]:
    return [json.loads(message["Body"])["detail"] for message in messages]


def attributes_of(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}


@pytest.fixture
def rule(cloud: LocalCloud) -> Rule:
    return Rule(cloud)


def test_a_queue_whose_policy_allows_the_rule_gets_the_event(rule: Rule) -> None:
    queue, dead_letters = rule.open_queue(TLS_ONLY), rule.open_queue()
    rule.target(queue, dead_letters)
    rule.put(number=7)

    (message,) = rule.messages(queue)
    assert details([message]) == [{"number": 7}]
    assert "MessageAttributes" not in message
    assert rule.messages(dead_letters) == []


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param([], id="no policy"),
        pytest.param([allow("arn:aws:events:us-east-1:123456789012:rule/other")], id="another rule"),
        pytest.param(
            [{"Effect": "Allow", "Principal": {"AWS": PLACE}, "Action": "*", "Resource": "*"}], id="the account"
        ),
        pytest.param(
            [
                {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"},
                {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"},
            ],
            id="a denial",
        ),
    ],
)
def test_a_queue_whose_policy_does_not_allow_the_rule_refuses_and_the_event_is_a_dead_letter(
    rule: Rule, statements: list[dict[str, Any]]
) -> None:
    queue, dead_letters = rule.queue(*statements), rule.open_queue(TLS_ONLY)
    rule.target(queue, dead_letters)
    rule.put(number=7)

    assert rule.messages(queue) == []
    (letter,) = rule.messages(dead_letters)
    assert details([letter]) == [{"number": 7}]
    assert attributes_of(letter) == {
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": f"Access to the resource {queue} is denied.",
        "RETRY_ATTEMPTS": "0",
        "RULE_ARN": rule.arn,
        "TARGET_ARN": queue,
    }


def test_the_same_checks_apply_to_events_of_batch(
    cloud: LocalCloud, event: Callable[..., dict[str, Any]], wait_until: Callable[..., None]
) -> None:
    job = str(uuid.uuid4())
    rule = Rule(cloud, {"source": ["aws.batch"], "detail": {"jobId": [job]}})
    open_one, closed_one, dead_letters = rule.open_queue(TLS_ONLY), rule.queue(TLS_ONLY), rule.open_queue(TLS_ONLY)
    rule.target(open_one)
    rule.target(closed_one, dead_letters)
    cloud.raise_events([event("parent-succeeded", jobId=job)])

    assert [detail["jobId"] for detail in details(rule.messages(open_one))] == [job]
    assert [attributes_of(letter)["ERROR_CODE"] for letter in rule.messages(dead_letters)] == ["NO_PERMISSIONS"]


def test_an_event_for_a_deleted_queue_is_a_dead_letter(rule: Rule) -> None:
    queue, dead_letters = rule.open_queue(), rule.open_queue()
    rule.target(queue, dead_letters)
    rule.delete(queue)
    rule.put(number=7)

    (letter,) = rule.messages(dead_letters)
    assert attributes_of(letter)["ERROR_CODE"] == "NO_RESOURCE"


def test_an_event_that_is_too_large_for_the_queue_is_a_dead_letter(rule: Rule) -> None:
    queue, dead_letters = rule.open_queue(size=2_000), rule.open_queue()
    rule.target(queue, dead_letters)
    rule.put(text="x" * 2_000)
    rule.put(text="y" * 1_000)

    assert details(rule.messages(queue)) == [{"text": "y" * 1_000}]
    (letter,) = rule.messages(dead_letters)
    assert attributes_of(letter)["ERROR_CODE"] == "INVALID_PARAMETER"


def test_a_dead_letter_is_the_event_itself_without_the_targets_input(rule: Rule) -> None:
    queue, dead_letters = rule.queue(), rule.open_queue()
    rule.target(queue, dead_letters, Input=json.dumps({"only": "this"}))
    rule.put(number=7)

    (letter,) = rule.messages(dead_letters)
    body = json.loads(letter["Body"])
    assert (body["source"], body["detail"]) == (rule.name, {"number": 7})


def test_an_event_that_the_dead_letter_queue_refuses_too_is_lost_and_logged(rule: Rule, cloud: LocalCloud) -> None:
    closed_one, without = rule.queue(), rule.queue()
    # The event alone fits into the small queue, but not with its attributes.
    small, gone, open_one = rule.open_queue(size=1_024), rule.open_queue(), rule.open_queue()
    for dead_letters in (closed_one, small, gone):
        rule.target(rule.queue(), dead_letters)
    rule.target(without)
    rule.target(open_one)
    rule.delete(gone)
    rule.put(text="x" * 600)

    assert details(rule.messages(open_one)) == [{"text": "x" * 600}]
    assert (rule.messages(closed_one), rule.messages(without), rule.messages(small)) == ([], [], [])
    assert all(f"the event is lost: {queue} refuses it" in cloud.log() for queue in (closed_one, small, gone))
    assert f"the event is lost: {without.rpartition(':')[2]} has no dead-letter queue" in cloud.log()


def under_key(rule: Rule, *statements: dict[str, Any]) -> str:
    """Create a queue that the rule may send to, encrypted with a key that has these statements; return its ARN."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    queue, key = rule.open_queue(), rule.cloud.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    url = rule.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    rule.sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": key})
    return queue


def use_of_key(service: str, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions), "Resource": "*"}


def test_an_event_reaches_an_encrypted_queue_only_if_the_key_allows_eventbridge_to_use_it(cloud: LocalCloud) -> None:
    rule = Rule(cloud)
    both = ("kms:GenerateDataKey", "kms:Decrypt")
    account = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PLACE}:root"}, "Action": "*", "Resource": "*"}
    allowed = under_key(rule, account, use_of_key("events.amazonaws.com", *both))
    refused = [
        under_key(rule, account),
        under_key(rule, account, use_of_key("events.amazonaws.com", "kms:Decrypt")),
        under_key(rule, account, use_of_key("sns.amazonaws.com", *both)),
    ]
    dead_letters = rule.open_queue()
    for queue in (allowed, *refused):
        rule.target(queue, dead_letters)
    rule.put()

    assert len(rule.messages(allowed)) == 1
    assert [rule.messages(queue) for queue in refused] == [[]] * len(refused)
    assert len(rule.messages(dead_letters)) == len(refused)
