from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from batchbell_local.cloud import LocalCloud

PLACE = "arn:aws:sqs:us-east-1:123456789012"
Wait = Callable[..., None]


class Queue:
    def __init__(self, sqs: Any, **attributes: Any) -> None:
        self.sqs = sqs
        self.name = f"queue-{uuid.uuid4().hex[:8]}"
        self.arn = f"{PLACE}:{self.name}"
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
        self.url = sqs.create_queue(QueueName=self.name, Attributes=texts)["QueueUrl"]

    def send(self, *bodies: str, **attributes: str) -> None:
        given = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, MessageAttributes=given)

    def receive(self) -> list[dict[str, Any]]:
        names: dict[str, Any] = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, **names)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def bodies(self) -> list[str]:
        return sorted(message["Body"] for message in self.receive())


class Redrive:
    """A working queue, its dead-letter queue, and another queue."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.sqs = cloud.client("sqs")
        self.dead = Queue(self.sqs)
        self.work = self.working_queue()
        self.other = Queue(self.sqs)

    def working_queue(self) -> Queue:
        policy = {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": 1}
        return Queue(self.sqs, RedrivePolicy=policy, VisibilityTimeout="0")

    def start(self, to: Queue | None = None, **options: Any) -> str:
        destination = {"DestinationArn": to.arn} if to else {}
        answer = self.sqs.start_message_move_task(SourceArn=self.dead.arn, **destination, **options)
        return str(answer["TaskHandle"])

    def tasks(self) -> list[dict[str, Any]]:
        answer = self.sqs.list_message_move_tasks(SourceArn=self.dead.arn, MaxResults=10)
        results: list[dict[str, Any]] = answer["Results"]
        return results

    def task(self) -> dict[str, Any]:
        return self.tasks()[0]


@pytest.fixture
def redrive(cloud: LocalCloud) -> Redrive:
    return Redrive(cloud)


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_all_dead_letters_are_moved_to_the_destination_as_new_messages(redrive: Redrive, wait_until: Wait) -> None:
    redrive.dead.send(*(str(number) for number in range(9)))
    redrive.dead.send("with a reason", ERROR_CODE="NO_PERMISSIONS")
    seen = redrive.dead.receive()
    for message in seen:
        redrive.sqs.change_message_visibility(
            QueueUrl=redrive.dead.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    redrive.start(redrive.other)
    wait_until(lambda: redrive.task()["Status"] == "COMPLETED", "moved")

    moved = redrive.other.receive()
    assert sorted(message["Body"] for message in moved) == [*(str(number) for number in range(9)), "with a reason"]
    assert {message["MessageId"] for message in seen}.isdisjoint(message["MessageId"] for message in moved)
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in moved} == {"1"}
    (reason,) = (message for message in moved if message["Body"] == "with a reason")
    assert reason["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert redrive.dead.receive() == []
    task = redrive.task()
    assert isinstance(task.pop("StartedTimestamp"), int)
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": redrive.dead.arn,
        "DestinationArn": redrive.other.arn,
        "ApproximateNumberOfMessagesMoved": 10,
        "ApproximateNumberOfMessagesToMove": 10,
    }


def test_messages_that_sqs_moved_return_to_their_source(redrive: Redrive, wait_until: Wait) -> None:
    works = {"first": redrive.work, "second": redrive.working_queue()}
    for body, queue in works.items():
        queue.send(body)
        for _ in range(2):
            queue.receive()
    redrive.start()
    wait_until(lambda: redrive.task()["Status"] == "COMPLETED", "moved")

    assert {body: queue.bodies() for body, queue in works.items()} == {"first": ["first"], "second": ["second"]}


def test_messages_sent_to_the_dead_letter_queue_have_no_source_to_return_to(redrive: Redrive, wait_until: Wait) -> None:
    redrive.dead.send("by hand")
    redrive.start()
    wait_until(lambda: redrive.task()["Status"] == "FAILED", "failed")

    assert redrive.task()["FailureReason"] == "CouldNotDetermineMessageSource"
    assert redrive.dead.bodies() == ["by hand"]


def test_messages_in_flight_and_later_messages_are_not_moved(redrive: Redrive, wait_until: Wait) -> None:
    redrive.dead.send("in flight")
    (held,) = redrive.dead.receive()
    redrive.dead.send("first", "second")
    redrive.start(redrive.other, MaxNumberOfMessagesPerSecond=1)
    redrive.dead.send("later")
    wait_until(lambda: redrive.task()["Status"] == "COMPLETED", "moved")

    redrive.sqs.change_message_visibility(
        QueueUrl=redrive.dead.url, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0
    )
    assert redrive.other.bodies() == ["first", "second"]
    assert redrive.dead.bodies() == ["in flight", "later"]
    task = redrive.task()
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (2, 2)


def test_a_queue_has_one_task_at_a_time_with_the_requested_rate_which_can_be_cancelled(
    redrive: Redrive, wait_until: Wait
) -> None:
    redrive.dead.send(*"abcdefghij")
    handle = redrive.start(redrive.other, MaxNumberOfMessagesPerSecond=1)
    wait_until(lambda: redrive.task()["ApproximateNumberOfMessagesMoved"] >= 2, "moving")
    running = redrive.task()
    assert (running["Status"], running["TaskHandle"], running["ApproximateNumberOfMessagesToMove"]) == (
        "RUNNING",
        handle,
        10,
    )
    assert running["MaxNumberOfMessagesPerSecond"] == 1
    assert refusal(redrive.sqs.start_message_move_task, SourceArn=redrive.dead.arn) == (
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    )
    moved = redrive.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    wait_until(lambda: redrive.task()["Status"] == "CANCELLED", "cancelled")

    assert 2 <= moved < 5
    assert "TaskHandle" not in redrive.task()
    assert len(redrive.other.bodies()) == moved
    redrive.start(redrive.other)
    wait_until(lambda: redrive.task()["Status"] == "COMPLETED", "the rest moved")
    assert [task["Status"] for task in redrive.tasks()] == ["COMPLETED", "CANCELLED"]
    assert len(redrive.sqs.list_message_move_tasks(SourceArn=redrive.dead.arn)["Results"]) == 1
    assert refusal(redrive.sqs.cancel_message_move_task, TaskHandle=handle)[0].endswith("UnsupportedOperation")


def test_a_deleted_destination_fails_the_task(redrive: Redrive, wait_until: Wait) -> None:
    redrive.dead.send(*"abcdef")
    redrive.start(redrive.other, MaxNumberOfMessagesPerSecond=1)
    redrive.sqs.delete_queue(QueueUrl=redrive.other.url)
    wait_until(lambda: redrive.task()["Status"] == "FAILED", "failed")

    task = redrive.task()
    assert task["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert len(redrive.dead.bodies()) == 6 - task["ApproximateNumberOfMessagesMoved"]


def test_an_impossible_move_is_refused(redrive: Redrive) -> None:
    start, gone = redrive.sqs.start_message_move_task, f"{PLACE}:gone"
    not_dead = "Source queue must be configured as a Dead Letter Queue."
    source_gone = "The resource that you specified for the SourceArn parameter doesn't exist."
    destination_gone = "The resource that you specified for the DestinationArn parameter doesn't exist."

    assert refusal(start, SourceArn=redrive.other.arn) == ("InvalidParameterValue", not_dead)
    assert refusal(start, SourceArn=gone) == ("ResourceNotFoundException", source_gone)
    assert refusal(start, SourceArn=redrive.dead.arn, DestinationArn=gone) == (
        "ResourceNotFoundException",
        destination_gone,
    )
    for rate in (0, 501):
        code, _ = refusal(start, SourceArn=redrive.dead.arn, MaxNumberOfMessagesPerSecond=rate)
        assert code == "InvalidParameterValue"
    listing = redrive.sqs.list_message_move_tasks
    for most in (0, 11):  # SQS API reference, ListMessageMoveTasks: 1 to 10
        assert refusal(listing, SourceArn=redrive.dead.arn, MaxResults=most)[0] == "InvalidParameterValue"
    assert refusal(listing, SourceArn=gone) == ("ResourceNotFoundException", source_gone)
    assert redrive.tasks() == []


def test_an_unknown_handle_is_refused(redrive: Redrive) -> None:
    def handle(source: str) -> str:
        return base64.b64encode(json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source}).encode()).decode()

    cancel = redrive.sqs.cancel_message_move_task
    assert refusal(cancel, TaskHandle="none") == (
        "InvalidParameterValue",
        "Value for parameter TaskHandle is invalid.",
    )
    assert refusal(cancel, TaskHandle=handle(redrive.dead.arn)) == ("ResourceNotFoundException", "Task does not exist.")
    assert refusal(cancel, TaskHandle=handle(f"{PLACE}:gone"))[0] == "ResourceNotFoundException"


START = {
    "StartMessageMoveTask": "dead",
    "ReceiveMessage": "dead",
    "DeleteMessage": "dead",
    "GetQueueAttributes": "dead",
    "SendMessage": "other",
}


@pytest.fixture
def person(cloud: LocalCloud) -> Callable[..., Any]:
    """An SQS client of a user who may perform these actions on these queues, and nothing else."""

    def client_of(actions: dict[str, str], redrive: Redrive) -> Any:
        iam, name = cloud.client("iam"), f"person-{uuid.uuid4().hex[:8]}"
        statements = [
            {"Effect": "Allow", "Action": f"sqs:{action}", "Resource": getattr(redrive, queue).arn}
            for action, queue in actions.items()
        ]
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.client(
            "sqs",
            endpoint_url=cloud.endpoint,
            region_name=cloud.region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return client_of


@pytest.mark.parametrize("missing", ["", *START])
def test_starting_a_task_requires_the_permissions_for_all_that_it_does(
    redrive: Redrive, person: Callable[..., Any], wait_until: Wait, missing: str
) -> None:
    redrive.dead.send("moved")
    start = person({action: queue for action, queue in START.items() if action != missing}, redrive)
    arguments = {"SourceArn": redrive.dead.arn, "DestinationArn": redrive.other.arn}
    if missing:
        assert refusal(start.start_message_move_task, **arguments)[0] == "AccessDenied"
        assert redrive.tasks() == []
    else:
        start.start_message_move_task(**arguments)
        wait_until(lambda: redrive.task()["Status"] == "COMPLETED", "moved")
        assert redrive.other.bodies() == ["moved"]


def test_returning_messages_requires_permission_to_send_to_every_source_queue(
    redrive: Redrive, person: Callable[..., Any]
) -> None:
    client = person(START | {"SendMessage": "other"}, redrive)
    assert refusal(client.start_message_move_task, SourceArn=redrive.dead.arn)[0] == "AccessDenied"


def test_a_dead_letter_queue_that_denies_everybody_cannot_be_redriven(redrive: Redrive) -> None:
    redrive.dead.send("stays")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    redrive.sqs.set_queue_attributes(QueueUrl=redrive.dead.url, Attributes={"Policy": policy})

    arguments = {"SourceArn": redrive.dead.arn, "DestinationArn": redrive.other.arn}
    assert refusal(redrive.sqs.start_message_move_task, **arguments)[0] == "AccessDenied"


def test_listing_and_cancelling_require_their_permissions(redrive: Redrive, person: Callable[..., Any]) -> None:
    redrive.dead.send(*"abcdef")
    handle = redrive.start(redrive.other, MaxNumberOfMessagesPerSecond=1)
    listing = {"ListMessageMoveTasks": "dead", "GetQueueAttributes": "dead"}
    cancelling = {name: "dead" for name in ("CancelMessageMoveTask", *list(START)[1:4])}
    for missing in listing:
        client = person({name: queue for name, queue in listing.items() if name != missing}, redrive)
        assert refusal(client.list_message_move_tasks, SourceArn=redrive.dead.arn)[0] == "AccessDenied"
    for missing in cancelling:
        client = person({name: queue for name, queue in cancelling.items() if name != missing}, redrive)
        assert refusal(client.cancel_message_move_task, TaskHandle=handle)[0] == "AccessDenied"

    assert person(listing, redrive).list_message_move_tasks(SourceArn=redrive.dead.arn)["Results"]
    assert "ApproximateNumberOfMessagesMoved" in person(cancelling, redrive).cancel_message_move_task(TaskHandle=handle)
