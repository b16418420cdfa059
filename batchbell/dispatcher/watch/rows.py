"""Reads many rows of the ledger's table at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline
from batchbell.wire import Column

ROWS = 100  # a BatchGetItem call (DynamoDB API reference)
PAUSE = 0.05  # s before what DynamoDB left out is asked for again

Key = tuple[str, str]  # a message's key, or what takes its place, and a notifier
Row = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Rows:
    """`dynamodb`: a boto3 client."""

    dynamodb: Any
    table: str

    def read(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Row]:
        """Return the rows, an empty one where the table has none. A row that could not be read in time is missing."""
        found: dict[Key, Row] = {}
        asked = list(dict.fromkeys(keys))
        for first in range(0, len(asked), ROWS):
            if deadline.passed:
                break
            try:
                found.update(self._read(asked[first : first + ROWS], deadline))
            except (ClientError, BotoCoreError) as error:
                code = error_code(error)
                logger.warning("the rows of the sweep could not be read", reason=code)
                break
        return found

    def _read(self, keys: Sequence[Key], deadline: Deadline) -> Iterator[tuple[Key, Row]]:
        asked: Sequence[Row] = [{Column.MESSAGE: {"S": key}, Column.NOTIFIER: {"S": name}} for key, name in keys]
        while asked and not deadline.passed:
            answer = self.dynamodb.batch_get_item(RequestItems={self.table: {"Keys": asked}})
            rows = {_key(row): row for row in answer["Responses"].get(self.table, ())}
            left = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
            open_ones = {_key(one) for one in left}
            yield from ((key, rows.get(key, {})) for key in map(_key, asked) if key not in open_ones)
            asked = left
            if asked:
                time.sleep(min(PAUSE, deadline.left))


def _key(row: Row) -> Key:
    return row[Column.MESSAGE]["S"], row[Column.NOTIFIER]["S"]
