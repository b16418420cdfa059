"""Who has which message: one row for each message and notifier, written only by conditional updates.

A claim holds the row with a token until a time; a row whose holder died is claimed by the next invocation, and its
message says that it may be a repeat. "sent" is final.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

ROW_LIFETIME = 60 * 86_400  # s; longer than dead letters (14 days) and two redrives live


class LedgerDown(Exception):
    """The ledger could not be read or written: nothing may be sent. The text is AWS's code."""


@dataclass(frozen=True)
class Claimed:
    """Ours to send. `maybe_delivered`: an earlier attempt may have reached the channel."""

    maybe_delivered: bool


@dataclass(frozen=True)
class AlreadySent:
    pass


@dataclass(frozen=True)
class Held:
    """Somebody else is sending it, until then (epoch seconds) at the latest."""

    until: float


@dataclass(frozen=True)
class Ledger:
    """The table as one invocation sees it. `token` is the invocation's own, `until` the end of its claims (epoch s)."""

    client: Any  # boto3, dynamodb
    table: str
    token: str
    until: float

    def claim(self, key: str, notifier: str) -> Claimed | AlreadySent | Held:
        """Raises LedgerDown."""
        now = time.time()
        values = {
            ":token": _s(self.token),
            ":until": _n(self.until),
            ":expires": _n(now + ROW_LIFETIME),
            ":now": _n(now),
        }
        try:
            answer = self._update(
                key,
                notifier,
                "SET #token = :token, #until = :until, #expires = :expires",
                "attribute_not_exists(#sent) AND (attribute_not_exists(#until) OR #until < :now)",
                values,
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not _is_refused(error):
                raise LedgerDown(error.response["Error"]["Code"]) from None
            return self._refused(error.response.get("Item", {}))
        old = answer.get("Attributes", {})
        return Claimed(maybe_delivered="token" in old or "maybe" in old)

    def _refused(self, row: Mapping[str, Any]) -> Claimed | AlreadySent | Held:
        if "sent" in row:
            return AlreadySent()
        if row.get("token", {}).get("S") == self.token:
            # Our own write, repeated by the SDK: what stood there before is lost with the first answer.
            return Claimed(maybe_delivered=True)
        return Held(float(row.get("until", {}).get("N", self.until)))

    def commit(self, key: str, notifier: str) -> bool:
        """It was sent. False if the row is no longer ours: this call came too late. Raises LedgerDown."""
        return self._finish(key, notifier, "SET #sent = :now REMOVE #token, #until", {":now": _n(time.time())})

    def release(self, key: str, notifier: str) -> bool:
        """It was surely refused: free the row. False if it is no longer ours. Raises LedgerDown."""
        return self._finish(key, notifier, "REMOVE #token, #until", {})

    def mark_unknown(self, key: str, notifier: str) -> bool:
        """It may have been sent: keep the row until its time is over. Answers and raises as `release`."""
        return self._finish(key, notifier, "SET #maybe = :true", {":true": {"BOOL": True}})

    def _finish(self, key: str, notifier: str, update: str, values: Mapping[str, Any]) -> bool:
        try:
            self._update(key, notifier, update, "#token = :token", {**values, ":token": _s(self.token)})
        except ClientError as error:
            if _is_refused(error):
                return False
            raise LedgerDown(error.response["Error"]["Code"]) from None
        return True

    def _update(
        self, key: str, notifier: str, update: str, condition: str, values: Mapping[str, Any], **options: str
    ) -> Mapping[str, Any]:
        names = {f"#{name}": name for name in ("token", "until", "sent", "maybe", "expires")}
        try:
            answer: Mapping[str, Any] = self.client.update_item(
                TableName=self.table,
                Key={"message": _s(key), "notifier": _s(notifier)},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={name: real for name, real in names.items() if name in update + condition},
                ExpressionAttributeValues=values,
                **options,
            )
        except BotoCoreError as error:
            raise LedgerDown(type(error).__name__) from None
        return answer


def _is_refused(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _n(number: float) -> dict[str, str]:
    return {"N": f"{number:.3f}"}
