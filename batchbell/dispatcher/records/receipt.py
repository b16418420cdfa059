"""When SQS first handed a record over, and whether the function got it at once.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS": times are milliseconds as a text.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

# A mapping collects records for up to 20 s, and a cold start takes some seconds. Whatever takes longer was refused by
# Lambda (throttled), or came back after an invocation that failed: not before 33 s, the shortest visibility timeout.
HELD_UP = 30.0  # s


def first_received(record: Mapping[str, Any]) -> float:
    """Return when SQS first handed the record over (epoch s): a message is as old as that, also after crashes."""
    now = time.time()
    stamp = record.get("attributes", {}).get("ApproximateFirstReceiveTimestamp")
    return now if stamp is None else min(now, float(stamp) / 1_000)


def came_before(record: Mapping[str, Any]) -> bool:
    """Whether SQS has handed the record over before."""
    return bool(record.get("attributes", {}).get("ApproximateReceiveCount", "1") != "1")


def was_held_up(record: Mapping[str, Any], now: float) -> bool:
    """Whether the function should have had the record before: it was throttled, crashed or timed out.

    The time that the record waited on the queue does not count: a burst is no failure.
    """
    return now - first_received(record) > HELD_UP
