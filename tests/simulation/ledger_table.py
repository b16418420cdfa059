"""The ledger's table: conditional updates, transactions, and the index of deliveries.

Source: DynamoDB API reference, UpdateItem, TransactWriteItems, Query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from batchbell.wire import Column
from tests.simulation import expressions

Key = tuple[str, str]

_MESSAGE, _NOTIFIER, _SENT = str(Column.MESSAGE), str(Column.NOTIFIER), str(Column.SENT)


def error(code: str, operation: str, **more: Any) -> ClientError:
    """AWS's answer of a refused call. Services throttle with 400; their internal errors are 500."""
    status = 500 if code.startswith("Internal") else 400
    return ClientError(
        {"Error": {"Code": code, "Message": "simulated"}, "ResponseMetadata": {"HTTPStatusCode": status}, **more},
        operation,
    )


class LedgerTable:
    """The rows, by message and notifier."""

    def __init__(self) -> None:
        self.rows: dict[Key, dict[str, dict[str, Any]]] = {}
        self._of_notifier: dict[str, dict[Key, dict[str, dict[str, Any]]]] = defaultdict(dict)
        self._tokens: set[str] = set()

    def update_item(self, **request: Any) -> dict[str, Any]:
        key = _key(request)
        row = self.rows.get(key, {})
        if not _holds(request, row):
            shown = {"Item": row} if row and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            raise error("ConditionalCheckFailedException", "UpdateItem", **shown)
        new = self._write(key, request)
        returned = {"ALL_OLD": row, "ALL_NEW": new}.get(request.get("ReturnValues", "NONE"))
        return {"Attributes": returned} if returned else {}

    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]], token: str) -> dict[str, Any]:  # noqa: N803
        """The SDK gives each call a token (ClientRequestToken), so that its second attempt writes nothing new."""
        if token in self._tokens:
            return {}
        writes = [item["Update"] for item in TransactItems]
        assert len({_key(write) for write in writes}) == len(writes) <= 100
        reasons = [
            {"Code": "None" if _holds(write, self.rows.get(_key(write), {})) else "ConditionalCheckFailed"}
            for write in writes
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for write in writes:
            self._write(_key(write), write)
        self._tokens.add(token)
        return {}

    def query(self, **request: Any) -> dict[str, Any]:
        """One notifier's deliveries, the last first."""
        assert request["KeyConditionExpression"] == "#notifier = :notifier" and not request["ScanIndexForward"]
        notifier = request["ExpressionAttributeValues"][":notifier"]["S"]
        rows = [row for row in self._of_notifier[notifier].values() if _SENT in row]
        rows.sort(key=lambda row: -float(row[_SENT]["N"]))
        return {"Items": rows[: request["Limit"]]}

    def _write(self, key: Key, request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        row = self.rows.get(key) or {_MESSAGE: {"S": key[0]}, _NOTIFIER: {"S": key[1]}}
        apply = expressions.update(request["UpdateExpression"])
        new = apply(row, request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {}))
        self.rows[key] = self._of_notifier[key[1]][key] = new
        return dict(new)


def _key(request: Mapping[str, Any]) -> Key:
    key = request["Key"]
    return key[_MESSAGE]["S"], key[_NOTIFIER]["S"]


def _holds(request: Mapping[str, Any], row: dict[str, Any]) -> bool:
    text = request.get("ConditionExpression")
    if text is None:
        return True
    names = request.get("ExpressionAttributeNames", {})
    values = request.get("ExpressionAttributeValues", {})
    return expressions.condition(text)(row, names, values)
