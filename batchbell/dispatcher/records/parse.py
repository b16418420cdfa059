"""A record of the intake or the retry queue, parsed once: an event of AWS Batch, a test, or a ticket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from batchbell.dispatcher.records import blocked_queue
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import InvalidEvent, Job
from batchbell.dispatcher.records.self_test import InvalidTrial, Trial
from batchbell.dispatcher.records.ticket import InvalidTicket, Ticket, Unreadable

# What a dead letter keeps of an event that could not be read: enough to know the job, and to read it once the reason
# is mended. What containers, parameters and tags carry is often secret, and stays out.
_KEPT = ("source", "detail-type", "id", "time", "account", "region")
_KEPT_OF_DETAIL = (
    *("jobArn", "jobName", "jobId", "jobQueue", "jobDefinition"),
    *("status", "statusReason", "createdAt", "stoppedAt"),
)
_KEPT_OF_ARRAY = ("size", "index")
_KEPT_TEXT = 2_000  # characters


class UnreadableRecord(Exception):
    """Nothing that we know can be read from a record; `dead` is its dead letter."""

    def __init__(self, dead: Unreadable) -> None:
        super().__init__(dead.reason)
        self.dead = dead


def read_record(text: str, now: float) -> Job | BlockedQueue | Trial | Ticket:
    """Parse a record's body. `now`: epoch seconds. Raises UnreadableRecord, and nothing else, whatever the body is."""
    body: Any = None
    try:
        body = _decode(text)
        if "ticket" in body:
            return Ticket.from_body(body, now)
        if "test" in body:
            return Trial.from_body(body, now)
        return parse_event(body)
    except (InvalidEvent, InvalidTicket, InvalidTrial) as invalid:
        reason = str(invalid)
    except Exception as error:
        # One odd record must not take the others of its batch with it.
        reason = f"the record could not be read: {type(error).__name__}"
    raise UnreadableRecord(Unreadable.of(text, reason, _extract(body)))


def parse_event(event: Mapping[str, Any]) -> Job | BlockedQueue:
    """An EventBridge event, already decoded from JSON, by its detail-type. Raises InvalidEvent."""
    blocked = event.get("detail-type") == blocked_queue.DETAIL_TYPE
    return BlockedQueue.from_event(event) if blocked else Job.from_event(event)


def _decode(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidEvent("the record is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidEvent("the record is not a JSON object")
    inner = body.get("record") if "unreadable" in body else None  # a dead letter that was redriven
    return inner if isinstance(inner, dict) else body


def _extract(body: Any) -> Mapping[str, Any] | None:
    if not isinstance(body, Mapping):
        return None
    detail = body.get("detail")
    kept = _pick(body, _KEPT)
    if isinstance(detail, Mapping):
        kept["detail"] = _pick(detail, _KEPT_OF_DETAIL)
        array = detail.get("arrayProperties")
        if isinstance(array, Mapping):
            kept["detail"]["arrayProperties"] = _pick(array, _KEPT_OF_ARRAY)
    return kept


def _pick(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those fields that are short texts or numbers."""
    picked = {name: value.get(name) for name in names}
    return {
        name: part[:_KEPT_TEXT] if isinstance(part, str) else part
        for name, part in picked.items()
        if isinstance(part, str) or (isinstance(part, int) and -(2**63) <= part < 2**63)
    }
