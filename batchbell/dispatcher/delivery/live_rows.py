"""The ledger's rows about live messages, and about the threads of jobs.

One row has both: `receipt` and `shown` are the live message's, `thread` is that of the first other message. A row is
held while its message is sent or updated, so that no late update overtakes a newer one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.delivery.ledger import ROW_LIFETIME, Claimed, Ledger, LedgerDown, is_refused
from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.messages.live_message import LAST_STATE
from batchbell.wire import BOARD, Column

_LET_GO = "REMOVE #token, #until, #tried, #result, #reason"


@dataclass(frozen=True)
class LiveRows:
    """One notifier's. Each method raises LedgerDown."""

    ledger: Ledger
    notifier: str

    def keep_receipt(self, claim: Claimed, receipt: str) -> bool:
        """Keep the receipt of a new live message, and hold the row. Returns False if the row is no longer ours."""
        return self._write(claim, "SET #receipt = :receipt", {":receipt": {"S": receipt}})

    def commit(self, claim: Claimed, shows: int) -> bool:
        """Note what the live message shows now, and free the row. Returns False if the row is no longer ours."""
        sent = ", #sent = :now" if shows == LAST_STATE else ""
        values = {":shows": {"N": str(shows)}} | ({":now": {"N": f"{time.time():.3f}"}} if sent else {})
        return self._write(claim, f"SET #shown = :shows{sent} {_LET_GO}", values)

    def end(self, claim: Claimed) -> bool:
        """Never show anything again. Not `sent`, which is about the channel. Returns False if the row is not ours."""
        return self._write(claim, f"SET #shown = :shows {_LET_GO}", {":shows": {"N": str(LAST_STATE)}})

    def first_receipt(self, thread: str) -> str:
        """Return the receipt of the thread's first message; "" if there is none."""
        try:
            answer = self.ledger.client.get_item(
                TableName=self.ledger.table,
                Key={Column.MESSAGE: {"S": f"{thread}{BOARD}"}, Column.NOTIFIER: {"S": self.notifier}},
                ProjectionExpression="#receipt, #thread",
                ExpressionAttributeNames={"#receipt": Column.RECEIPT, "#thread": Column.THREAD},
                ConsistentRead=True,  # the live message may have been opened a moment ago
            )
        except (ClientError, BotoCoreError) as error:
            raise LedgerDown(error_code(error)) from None
        row = answer.get("Item", {})
        return str((row.get(Column.RECEIPT) or row.get(Column.THREAD) or {"S": ""})["S"])

    def begin_thread(self, thread: str, receipt: str) -> None:
        """Keep the receipt of a thread's first message, unless the thread has one already."""
        values = {":receipt": {"S": receipt}, ":expires": {"N": f"{time.time() + ROW_LIFETIME:.3f}"}}
        try:
            self.ledger.update(
                self.notifier,
                f"{thread}{BOARD}",
                "SET #thread = :receipt, #expires = :expires",
                "attribute_not_exists(#receipt) AND attribute_not_exists(#thread)",
                values,
            )
        except ClientError as error:
            if not is_refused(error):
                raise LedgerDown(error.response["Error"]["Code"]) from None

    def _write(self, claim: Claimed, update: str, values: dict[str, dict[str, str]]) -> bool:
        return self.ledger.write_if_ours((claim.key, update, values), self.notifier)
