"""Indexes of a DynamoDB table: their content, and changes of them in a table in use."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchbell_local.pulumi.resources import TABLE, AwsRefusal, Clients
from batchbell_local.pulumi.resources.drift import after_refresh

TYPE = TABLE["aws:dynamodb/table:Table"]


def inputs(check: Any, *indexes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The ledger's table with these indexes, and the attributes that both need."""
    keys = {one["attributeName"] for index in indexes for one in index["keySchemas"]}
    checked: dict[str, Any] = check(
        TYPE.token,
        {
            "hashKey": "message",
            "rangeKey": "notifier",
            "billingMode": "PAY_PER_REQUEST",
            "attributes": [
                {"name": name, "type": "N" if name == "sent" else "S"} for name in {"message", "notifier", *keys}
            ],
            "globalSecondaryIndexes": list(indexes),
            **more,
        },
        name=f"ledger-{uuid.uuid4().hex[:8]}",
    )
    return checked


def index(name: str, *keys: str, projection: str = "KEYS_ONLY", **more: Any) -> dict[str, Any]:
    schema = [{"attributeName": key, "keyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
    return {"name": name, "keySchemas": schema, "projectionType": projection, **more}


DELIVERIES = index("deliveries", "notifier", "sent")


class Ledger:
    """A table in use."""

    def __init__(self, clients: Clients, checked: dict[str, Any]) -> None:
        self.id, self.outputs = TYPE.create(checked, clients)
        self.client = clients("dynamodb")

    def put(self, message: str, notifier: str, **rest: dict[str, str]) -> None:
        self.client.put_item(TableName=self.id, Item={"message": {"S": message}, "notifier": {"S": notifier}, **rest})

    def last(self, notifier: str, name: str = "deliveries") -> list[dict[str, Any]]:
        """The rows of an index, the latest first."""
        rows: list[dict[str, Any]] = self.client.query(
            TableName=self.id,
            IndexName=name,
            KeyConditionExpression="notifier = :notifier",
            ExpressionAttributeValues={":notifier": {"S": notifier}},
            ScanIndexForward=False,
        )["Items"]
        return rows


@pytest.fixture
def ledger(clients: Clients, check: Any) -> Ledger:
    return Ledger(clients, inputs(check, DELIVERIES))


def test_an_index_holds_only_rows_that_have_its_keys(ledger: Ledger) -> None:
    ledger.put("m1", "ops", sent={"N": "10"}, expires={"N": "99"})
    ledger.put("m2", "ops", sent={"N": "9"})
    ledger.put("m3", "ops", token={"S": "held"})
    ledger.put("m4", "team", sent={"N": "11"})

    # As numbers, not as texts; without attributes that are not keys.
    assert ledger.last("ops") == [
        {"message": {"S": "m1"}, "notifier": {"S": "ops"}, "sent": {"N": "10"}},
        {"message": {"S": "m2"}, "notifier": {"S": "ops"}, "sent": {"N": "9"}},
    ]


def test_a_row_enters_and_leaves_the_index_with_its_key(ledger: Ledger) -> None:
    row = {"TableName": ledger.id, "Key": {"message": {"S": "m"}, "notifier": {"S": "ops"}}}
    ledger.put("m", "ops", token={"S": "held"})
    before = ledger.last("ops")
    ledger.client.update_item(
        **row, UpdateExpression="SET sent = :now REMOVE #t", ExpressionAttributeNames={"#t": "token"},
        ExpressionAttributeValues={":now": {"N": "1.5"}},
    )  # fmt: skip
    sent = ledger.last("ops")
    ledger.client.update_item(**row, UpdateExpression="REMOVE sent")

    assert (before, [one["sent"] for one in sent], ledger.last("ops")) == ([], [{"N": "1.5"}], [])


def test_a_key_of_the_wrong_type_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        ledger.put("m", "ops", sent={"S": "yesterday"})


def test_an_index_added_to_a_table_in_use_holds_its_old_rows(clients: Clients, check: Any) -> None:
    bare = inputs(check)
    ledger = Ledger(clients, bare)
    ledger.put("m", "ops", sent={"N": "1"})
    wanted = inputs(check, DELIVERIES, name=bare["name"])
    TYPE.update(ledger.id, bare, wanted, clients)

    assert [one["message"]["S"] for one in ledger.last("ops")] == ["m"]


def test_only_changed_indexes_are_recreated(clients: Clients, check: Any) -> None:
    kept, goes, changes = DELIVERIES, index("goes", "notifier"), index("changes", "notifier")
    first = inputs(check, kept, goes, changes)
    ledger = Ledger(clients, first)
    second = inputs(check, index("comes", "token"), {**changes, "projectionType": "ALL"}, kept, name=first["name"])
    calls: list[list[dict[str, Any]]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        calls.append(params["GlobalSecondaryIndexUpdates"])

    ledger.client.meta.events.register("before-parameter-build.dynamodb.UpdateTable", note)
    try:
        TYPE.update(ledger.id, first, second, clients)
    finally:
        ledger.client.meta.events.unregister("before-parameter-build.dynamodb.UpdateTable", note)
    found, _ = TYPE.read(ledger.id, clients) or ({}, {})

    # One index per call, as AWS requires.
    assert [[(kind, what["IndexName"]) for kind, what in one.items()] for (one,) in calls] == [
        [("Delete", "goes")],
        [("Delete", "changes")],
        [("Create", "comes")],
        [("Create", "changes")],
    ]
    assert TYPE.same("globalSecondaryIndexes", found["globalSecondaryIndexes"], second["globalSecondaryIndexes"])
    assert TYPE.same("attributes", found["attributes"], second["attributes"])


def test_a_refresh_finds_a_deleted_or_changed_index(clients: Clients, check: Any) -> None:
    recorded = inputs(check, DELIVERIES)
    ledger = Ledger(clients, recorded)
    unchanged, _ = TYPE.read(ledger.id, clients) or ({}, {})
    ledger.client.update_table(
        TableName=ledger.id, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "deliveries"}}]
    )
    changed, _ = TYPE.read(ledger.id, clients) or ({}, {})
    refreshed = after_refresh(TYPE, recorded, changed)

    assert after_refresh(TYPE, recorded, unchanged) == recorded
    assert TYPE.diff(refreshed, recorded).changes == {"attributes", "globalSecondaryIndexes"}
    TYPE.update(ledger.id, refreshed, recorded, clients)
    assert ledger.last("ops") == []


def test_an_index_of_a_provisioned_table_requires_capacity_and_changes_it_in_place(
    clients: Clients, check: Any
) -> None:
    capacity = {"billingMode": "PROVISIONED", "readCapacity": 5, "writeCapacity": 5}
    with pytest.raises(AwsRefusal, match="index deliveries: read and write capacity"):
        Ledger(clients, inputs(check, DELIVERIES, **capacity))
    first = inputs(check, {**DELIVERIES, "readCapacity": 1, "writeCapacity": 1}, **capacity)
    ledger = Ledger(clients, first)
    more = {**DELIVERIES, "readCapacity": 2, "writeCapacity": 1}
    TYPE.update(ledger.id, first, inputs(check, more, name=first["name"], **capacity), clients)
    found, _ = TYPE.read(ledger.id, clients) or ({}, {})

    assert TYPE.same("globalSecondaryIndexes", found["globalSecondaryIndexes"], [more])
