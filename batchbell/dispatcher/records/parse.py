"""Parses a record of the intake or the retry queue: an event of AWS Batch, a sweep, an operator's test, a ticket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import InvalidEvent
from batchbell.dispatcher.records.self_test import InvalidSelfTest, SelfTest
from batchbell.dispatcher.records.sweep import InvalidSweep, Sweep
from batchbell.dispatcher.records.ticket import InvalidTicket, Ticket
from batchbell.wire import SWEEP, DetailType

# A dead letter keeps these fields of an event that could not be read: enough to identify the job, and to read it once
# the cause is fixed. Containers, parameters and tags often hold secrets and are left out.
_KEPT = ("source", "detail-type", "id", "time", "account", "region")
_KEPT_OF_DETAIL = (
    *("jobArn", "jobName", "jobId", "jobQueue", "jobDefinition"),
    *("status", "statusReason", "createdAt", "stoppedAt"),
)
_KEPT_OF_ARRAY = ("size", "index")
_KEPT_RESOURCES = 10  # ARNs of job and queue
_KEPT_TEXT = 2_000  # characters
_OF_TICKETS = {"message", "notifier"}  # one of these at least, or it is something else
_KEPT_TICKET = 1_000_000  # characters: more than a ticket has, and less than a queue takes


@dataclass(frozen=True)
class Unreadable:
    """The dead letter of a record that could not be read. `record`: the fields of it that are safe to keep."""

    reason: str
    record: Mapping[str, Any] | None
    size: int  # characters
    sha256: str  # of the record, to see whether two are the same

    @classmethod
    def of(cls, text: str, reason: str, record: Mapping[str, Any] | None) -> Unreadable:
        return cls(reason, record, len(text), hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())

    def to_body(self, now: float) -> str:
        return json.dumps(
            {
                "unreadable": 1,
                "reason": self.reason,
                "died": now,
                "size": self.size,
                "sha256": self.sha256,
                "record": self.record,
            }
        )


class UnreadableRecord(Exception):
    """Neither an event, a sweep, a test nor a ticket can be read from a record; `dead` is its dead letter."""

    def __init__(self, dead: Unreadable) -> None:
        super().__init__(dead.reason)
        self.dead = dead


def parse_record(text: str, now: float) -> Job | BlockedQueue | SelfTest | Sweep | Ticket:
    """Parse a record's body, whatever it is. Raises UnreadableRecord and nothing else.

    now: epoch seconds; when SQS first handed the record over.
    """
    body: Any = None
    try:
        body = _decode(text)
        if "ticket" in body:
            return Ticket.from_body(body, now)
        if "test" in body:
            return SelfTest.from_body(body, now)
        if SWEEP in body:
            return Sweep.from_body(body)
        return parse_event(body)
    except (InvalidEvent, InvalidTicket, InvalidSelfTest, InvalidSweep) as invalid:
        reason = str(invalid)
    except Exception as error:
        # One odd record must not stop the others of its batch.
        reason = f"the record could not be read: {type(error).__name__}"
    raise UnreadableRecord(Unreadable.of(text, reason, _extract(body)))


def parse_event(event: Mapping[str, Any]) -> Job | BlockedQueue:
    """Parse an EventBridge event that was decoded from JSON, by its detail-type. Raises InvalidEvent."""
    blocked = event.get("detail-type") == DetailType.QUEUE_BLOCKED
    return BlockedQueue.from_event(event) if blocked else Job.from_event(event)


def _decode(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidEvent("the record is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidEvent("the record is not a JSON object")
    inner = body.get("record") if "unreadable" in body else None  # a dead letter that was redriven
    if not isinstance(inner, dict):
        return body
    return {**inner, "died": body.get("died")} if "ticket" in inner else inner


def _extract(body: Any) -> Mapping[str, Any] | None:
    if not isinstance(body, Mapping):
        return None
    if "ticket" in body and body.keys() & _OF_TICKETS and len(json.dumps(body)) <= _KEPT_TICKET:
        return body  # it holds no secret, and a later version may be able to read it
    detail = body.get("detail")
    kept = _pick(body, _KEPT)
    resources = body.get("resources")
    if isinstance(resources, list):
        kept["resources"] = [one[:_KEPT_TEXT] for one in resources[:_KEPT_RESOURCES] if isinstance(one, str)]
    if isinstance(detail, Mapping):
        kept["detail"] = _pick(detail, _KEPT_OF_DETAIL)
        array = detail.get("arrayProperties")
        if isinstance(array, Mapping):
            kept["detail"]["arrayProperties"] = _pick(array, _KEPT_OF_ARRAY)
    return kept


def _pick(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Keep the fields that are texts, cut, or numbers."""
    picked = {name: value.get(name) for name in names}
    return {
        name: part[:_KEPT_TEXT] if isinstance(part, str) else part
        for name, part in picked.items()
        if isinstance(part, str) or (isinstance(part, int) and -(2**63) <= part < 2**63)
    }
