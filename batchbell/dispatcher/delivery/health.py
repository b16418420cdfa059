"""Decides when a notifier's channel is dead, from one row a notifier in the ledger's table, written after failures.

The last delivery needs no row of its own: the ledger's index has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.delivery.ledger import ROW_LIFETIME
from batchbell.dispatcher.delivery.outcome import Result, SendAttempt
from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.messages.dead_channel import DeadChannel
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Timing
from batchbell.wire import HEALTH_KEY, LEDGER_INDEX, Column

REFUSALS = 3  # permanent ones in a row
_COLUMNS = (Column.SINCE, Column.PERMANENT, Column.FAILED, Column.REASON, Column.EXPIRES, Column.ANNOUNCED)


@dataclass(frozen=True)
class Health:
    """`dynamodb`: a boto3 client."""

    dynamodb: Any
    table: str
    timing: Timing

    def note(self, notifier: str, attempts: Sequence[SendAttempt], announce: Callable[[DeadChannel], None]) -> None:
        """Count the attempts of an invocation whose last one failed.

        Calls `announce` if the channel is dead and no invocation announced it lately. An error of AWS is logged and
        stops nothing.
        """
        try:
            if (dead := self._note(notifier, [one.result for one in attempts], attempts[-1].reason)) is not None:
                announce(dead)
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
            logger.warning("the health of the channel could not be written", notifier=notifier, reason=code)

    def _note(self, notifier: str, results: Sequence[Result], reason: str) -> DeadChannel | None:
        now = time.time()
        last = now if Result.SENT in results else self._last_delivery(notifier)
        refusals = 0
        for result in reversed(results):
            if result is not Result.PERMANENT:
                break
            refusals += 1
        row = self._write(notifier, now, last, refusals, refusals == len(results), reason)
        since = float(row[Column.SINCE]["N"])
        dead = int(row[Column.PERMANENT]["N"]) >= REFUSALS or now - since >= self.timing.dead_after
        return DeadChannel(notifier, since, reason) if dead and self._may_announce(notifier, now) else None

    def _last_delivery(self, notifier: str) -> float:
        """Epoch seconds; 0 without one."""
        answer = self.dynamodb.query(
            TableName=self.table,
            IndexName=LEDGER_INDEX,
            KeyConditionExpression="#notifier = :notifier",
            ExpressionAttributeNames={"#notifier": Column.NOTIFIER},
            ExpressionAttributeValues={":notifier": {"S": notifier}},
            ScanIndexForward=False,
            Limit=1,
        )
        return float(answer["Items"][0][Column.SENT]["N"]) if answer["Items"] else 0.0

    def _write(
        self, notifier: str, now: float, last: float, refusals: int, all_refused: bool, reason: str
    ) -> dict[str, Any]:
        """Update the row if nothing was delivered since it began, else start it again."""
        values = {
            ":now": _n(now),
            ":last": _n(last),
            ":refusals": {"N": str(refusals)},
            ":reason": {"S": reason},
            ":expires": _n(now + ROW_LIFETIME),
        }
        permanent = "#permanent + :refusals" if all_refused else ":refusals"
        rest = "#failed = :now, #reason = :reason, #expires = :expires"
        try:
            return self._update(notifier, f"SET #permanent = {permanent}, {rest}", "#since > :last", values)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        # If another invocation starts it at the same time, only this count is lost.
        begin = f"SET #since = :now, #permanent = :refusals, {rest}"
        return self._update(notifier, begin, "attribute_not_exists(#since) OR #since <= :last", values)

    def _may_announce(self, notifier: str, now: float) -> bool:
        values = {":now": _n(now), ":before": _n(now - self.timing.announcement_interval)}
        condition = "attribute_not_exists(#announced) OR #announced < :before"
        try:
            self._update(notifier, "SET #announced = :now", condition, values)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _update(self, notifier: str, update: str, condition: str, values: dict[str, Any]) -> dict[str, Any]:
        used = update + condition
        answer: dict[str, Any] = self.dynamodb.update_item(
            TableName=self.table,
            Key={Column.MESSAGE: {"S": HEALTH_KEY}, Column.NOTIFIER: {"S": notifier}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{name}": name for name in _COLUMNS if f"#{name}" in used},
            ExpressionAttributeValues={name: value for name, value in values.items() if name in used},
            ReturnValues="ALL_NEW",
        )
        row: dict[str, Any] = answer["Attributes"]
        return row


def _n(number: float) -> dict[str, str]:
    return {"N": f"{number:.3f}"}
