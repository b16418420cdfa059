from __future__ import annotations

import time
import uuid

import pytest

from batchbell.dispatcher.ledger import Ledger


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
