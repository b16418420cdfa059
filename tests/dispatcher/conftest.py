from __future__ import annotations

import json
import time
import uuid

import pytest

from batchbell.dispatcher import invocation
from batchbell.dispatcher.delivery.ledger import Ledger
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.intake import Accepted, Intake
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.timing import Timing


@pytest.fixture
def clock(monkeypatch):
    """`time.time` with the seconds on top that the test moved it by."""
    real = time.time

    class Clock:
        ahead = 0.0

        def now(self):
            return real() + self.ahead

        def move(self, seconds):
            self.ahead += seconds

        def move_past(self, moment):
            self.ahead += max(0.0, moment + 0.01 - self.now())

    clock = Clock()
    monkeypatch.setattr(time, "time", clock.now)
    return clock


@pytest.fixture(scope="session")
def table(cloud):
    """The ledger's table, as `components.delivery` makes it."""
    name = f"ledger-{uuid.uuid4().hex[:8]}"
    cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "message", "KeyType": "HASH"}, {"AttributeName": "notifier", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "message", "AttributeType": "S"},
            {"AttributeName": "notifier", "AttributeType": "S"},
            {"AttributeName": "sent", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "deliveries",
                "KeySchema": [
                    {"AttributeName": "notifier", "KeyType": "HASH"},
                    {"AttributeName": "sent", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return name


@pytest.fixture
def ledger(cloud, table):
    """One invocation's view of the table: `lease` seconds until its claims run out."""

    def make(lease: float = 30.0) -> Ledger:
        return Ledger(cloud.client("dynamodb"), table, uuid.uuid4().hex, time.time() + lease)

    return make


@pytest.fixture
def key():
    return f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}#FAILED"


@pytest.fixture
def row(cloud, table):
    def read(key: str, notifier: str) -> dict[str, dict[str, str]]:
        item = cloud.client("dynamodb").get_item(
            TableName=table, Key={"message": {"S": key}, "notifier": {"S": notifier}}, ConsistentRead=True
        )
        row: dict[str, dict[str, str]] = item.get("Item", {})
        return row

    return read


class Recorded:
    """An SQS client that keeps what it sends."""

    def __init__(self, client):
        self.client, self.sent = client, []

    def send_message_batch(self, **arguments):
        self.sent += [(arguments["QueueUrl"], entry["MessageBody"]) for entry in arguments["Entries"]]
        return self.client.send_message_batch(**arguments)


@pytest.fixture
def stack(cloud, table):
    """A dispatcher over new queues; `bodies("dead")` takes what is in one of them."""

    class Stack:
        def __init__(self, **channels):
            sqs = cloud.client("sqs")
            self.urls = {
                name: sqs.create_queue(QueueName=f"{name}-{uuid.uuid4().hex[:8]}")["QueueUrl"]
                for name in ("retry", "dead")
            }
            self.outgoing = Recorded(sqs)
            self.dispatcher = Dispatcher(
                instances=[
                    Instance(name, channel, progress=hasattr(channel, "update")) for name, channel in channels.items()
                ],
                outbox=Outbox(self.outgoing, self.urls["retry"], self.urls["dead"]),
                table=table,
                dynamodb=cloud.client("dynamodb"),
                batch=cloud.client("batch"),
                timing=Timing(6),
            )

        def run(self, *bodies, seconds=6.0, attributes=None):
            """`attributes`: of each record."""
            texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
            records = [
                {"messageId": str(number), "body": text, "attributes": attributes or {}}
                for number, text in enumerate(texts)
            ]
            answer = self.dispatcher.run(records, seconds)
            return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

        def deliver(self, notifier, *messages):
            """Deliver messages that a sweep composed."""

            class Swept(Intake):
                def accept(self, records, budget):
                    accepted = Accepted()
                    instance = next(one for one in self.instances if one.name == notifier)
                    for message in messages:
                        accepted.work.add("0", Delivery(instance, message, time.time()))
                    return accepted

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(invocation, "Intake", Swept)
                self.run()

        def bodies(self, name):
            sqs, url, found = cloud.client("sqs"), self.urls[name], []
            while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                found += [json.loads(message["Body"]) for message in messages]
            return found

        def posted(self):
            """The tickets that were posted since the last call, also those that the retry queue still delays."""
            sent, self.outgoing.sent = self.outgoing.sent, []
            return [json.loads(body) for url, body in sent if url == self.urls["retry"]]

        def tickets(self):
            """How many are in the retry queue, those that wait there too."""
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
            answer = cloud.client("sqs").get_queue_attributes(QueueUrl=self.urls["retry"], AttributeNames=names)
            return sum(int(answer["Attributes"][name]) for name in names)

    return Stack
