"""Records which notifier has which message: a row for each pair, written only by conditional updates.

A claim holds the row with a token until a time; a row whose holder died is claimed by the next invocation, and its
message says that it may be a repeat. "sent" is final.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.wire import Column

_TRUE = {"BOOL": True}
_NAMES = {f"#{column}": str(column) for column in Column}
_CLAIM = "SET #token = :token, #until = :until, #expires = :expires"
_FREE = "attribute_not_exists(#sent) AND (attribute_not_exists(#until) OR #until < :now)"
_UNDELIVERED = "#tried = :tried, #result = :result, #reason = :reason"
Step = tuple[str, str, Mapping[str, Any]]  # a row's key, an update expression, its values

ROW_LIFETIME = 60 * 86_400  # s; longer than dead letters (14 days) and two redrives live


class LedgerDown(Exception):
    """The ledger could not be read or written: nothing may be sent. The text is AWS's code."""


@dataclass(frozen=True)
class Claimed:
    """Ours to send.

    maybe_delivered: an earlier attempt may have reached the channel.
    receipt: of a live message that is there already.
    """

    key: str
    maybe_delivered: bool
    receipt: str = ""


@dataclass(frozen=True)
class AlreadySent:
    """The notifier has the message: nothing is sent."""


@dataclass(frozen=True)
class Held:
    """Another invocation holds the row, at most until `until` (epoch seconds)."""

    until: float


@dataclass(frozen=True)
class Undelivered:
    """Why a message was not delivered: a `Result`'s value, and a reason that is safe to show.

    It stays in the row until the message is delivered.
    """

    result: str
    reason: str


@dataclass(frozen=True)
class Ledger:
    """One invocation's view of the table. `token` identifies the invocation; its claims end at `until` (epoch s)."""

    client: Any  # boto3, dynamodb
    table: str
    token: str
    until: float

    def claim(self, key: str, notifier: str, shows: int | None = None) -> Claimed | AlreadySent | Held:
        """Try to hold the row. Raises LedgerDown.

        shows: how far the job is in what a live message is to show; None for any other message. What shows as much
            already, or more, counts as sent.
        """
        now = time.time()
        values = {
            ":token": _s(self.token),
            ":until": _n(self.until),
            ":expires": _n(now + ROW_LIFETIME),
            ":now": _n(now),
        }
        update, condition = _CLAIM, _FREE
        if shows is not None:
            # From now on less is refused, also if this process dies during the update, and as much is not.
            values |= {":begun": _n(shows - 0.5), ":shows": _n(shows)}
            update += ", #shown = :begun"
            condition += " AND (attribute_not_exists(#shown) OR #shown < :shows)"
        try:
            answer = self.update(
                notifier,
                key,
                update,
                condition,
                values,
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error):
                raise LedgerDown(error.response["Error"]["Code"]) from None
            return self._refused(key, error.response.get("Item", {}), now, shows)
        old = answer.get("Attributes", {})
        return Claimed(key, maybe_delivered=Column.TOKEN in old or Column.MAYBE in old, receipt=_receipt(old))

    def _refused(self, key: str, row: Mapping[str, Any], now: float, shows: int | None) -> Claimed | AlreadySent | Held:
        if Column.SENT in row:
            return AlreadySent()
        if row.get(Column.TOKEN, {}).get("S") == self.token:
            # Our own write, repeated by the SDK. The first answer is lost, and with it what the row held before.
            return Claimed(key, maybe_delivered=True, receipt=_receipt(row))
        until = float(row.get(Column.UNTIL, {}).get("N", 0 if shows is not None else self.until))
        return AlreadySent() if shows is not None and until < now else Held(until)

    def commit(self, claims: Sequence[Claimed], notifier: str) -> Sequence[str]:
        """Mark the messages as sent. Returns the keys of rows that are no longer ours: this call came too late.

        Several rows are written in one transaction, at most DIGEST_LIMIT. Raises LedgerDown.
        """
        now = {":now": _n(time.time())}
        update = "SET #sent = :now REMOVE #token, #until, #tried, #result, #reason"
        return self._finish([(one.key, update, now) for one in claims], notifier)

    def release(self, claims: Sequence[Claimed], notifier: str, undelivered: Undelivered) -> Sequence[str]:
        """Free the rows of messages that were surely refused; `maybe` stays. Returns and raises like `commit`."""
        return self._finish([_release(claim, undelivered) for claim in claims], notifier)

    def mark_unknown(self, claims: Sequence[Claimed], notifier: str, undelivered: Undelivered) -> Sequence[str]:
        """Hold the rows of messages that may have been sent until the claim ends. Returns and raises like `commit`."""
        values = {":true": _TRUE, **_values(undelivered)}
        return self._finish([(one.key, f"SET #maybe = :true, {_UNDELIVERED}", values) for one in claims], notifier)

    def note(self, key: str, notifier: str, undelivered: Undelivered) -> None:
        """Write why a message will not be sent, unless its row is sent or held. Raises LedgerDown."""
        values = {":expires": _n(time.time() + ROW_LIFETIME), **_values(undelivered)}
        free = "attribute_not_exists(#sent) AND attribute_not_exists(#token)"
        try:
            self.update(notifier, key, f"SET #expires = :expires, {_UNDELIVERED}", free, values)
        except ClientError as error:
            if not is_refused(error):
                raise LedgerDown(error.response["Error"]["Code"]) from None

    def _finish(self, steps: Sequence[Step], notifier: str) -> Sequence[str]:
        if len(steps) > 1:
            try:
                self.client.transact_write_items(
                    TransactItems=[{"Update": self._write(notifier, *self._if_ours(step))} for step in steps]
                )
                return []
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise LedgerDown(error.response["Error"]["Code"]) from None
            except BotoCoreError as error:
                raise LedgerDown(type(error).__name__) from None
            # Another invocation has one of the rows by now: the other rows are still written.
        return [step[0] for step in steps if not self.write_if_ours(step, notifier)]

    def write_if_ours(self, step: Step, notifier: str) -> bool:
        """Return whether the row is still ours, and so was written. Raises LedgerDown."""
        try:
            self.update(notifier, *self._if_ours(step))
        except ClientError as error:
            if is_refused(error):
                return False
            raise LedgerDown(error.response["Error"]["Code"]) from None
        return True

    def _if_ours(self, step: Step) -> tuple[str, str, str, Mapping[str, Any]]:
        key, update, values = step
        return key, update, "#token = :token", {**values, ":token": _s(self.token)}

    def update(
        self, notifier: str, key: str, update: str, condition: str, values: Mapping[str, Any], **options: str
    ) -> Mapping[str, Any]:
        """Raises LedgerDown, or ClientError if AWS refuses it."""
        try:
            answer: Mapping[str, Any] = self.client.update_item(
                **self._write(notifier, key, update, condition, values), **options
            )
        except BotoCoreError as error:
            raise LedgerDown(type(error).__name__) from None
        return answer

    def _write(self, notifier: str, key: str, update: str, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "Key": {Column.MESSAGE: _s(key), Column.NOTIFIER: _s(notifier)},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": _names_in(update + condition),
            "ExpressionAttributeValues": values,
        }


def _release(claim: Claimed, undelivered: Undelivered) -> Step:
    if claim.maybe_delivered:
        values = {":true": _TRUE, **_values(undelivered)}
        return claim.key, f"SET #maybe = :true, {_UNDELIVERED} REMOVE #token, #until", values
    return claim.key, f"SET {_UNDELIVERED} REMOVE #token, #until", _values(undelivered)


@cache
def _names_in(expressions: str) -> Mapping[str, str]:
    return {name: real for name, real in _NAMES.items() if name in expressions}


def _values(undelivered: Undelivered) -> Mapping[str, Any]:
    return {":tried": _n(time.time()), ":result": _s(undelivered.result), ":reason": _s(undelivered.reason)}


def is_refused(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def _receipt(row: Mapping[str, Any]) -> str:
    return str(row.get(Column.RECEIPT, {}).get("S", ""))


def _s(text: str) -> dict[str, str]:
    return {"S": text}


def _n(number: float) -> dict[str, str]:
    return {"N": f"{number:.3f}"}
