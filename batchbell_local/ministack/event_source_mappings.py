"""Extends MiniStack's event source mappings of SQS queues, in its process.

- Batches above 10 records and batching windows: a mapping with a window collects records until the batch is full, the
  window since the first record is over, or the payload limit is reached. In a quiet queue it collects for 20 s, however
  short the window: AWS says "up to", this takes the worst. (Lambda Developer Guide, "Configuring batching behavior".)
  MiniStack never takes more than 10 records, and never waits.
- A record's visibility timeout counts from its receipt, so collecting uses it up. What becomes visible again while it
  is collected is received again.
- A batch size above 10 requires a window. ("Using Lambda with Amazon SQS".)
- Records are taken as soon as they are visible, after a delay or a failure too, as Lambda's long polls see them.
  MiniStack looks once a second.
- A partial batch response that is invalid, or names an item that is not in the batch, fails the whole batch. ("Handling
  errors for an SQS event source in Lambda".) MiniStack deletes the records.

The 20 s are those of a function with a timeout of 30 s, and scale with it: a stack whose timeout is shorter, so that
its retries and leases are quicker, is quicker here too.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.services import lambda_svc, sqs

from .poller_wake import PollerWake

LARGEST_UNBATCHED = 10  # records, without a window
RECEIVED_AT_ONCE = 10  # SQS's own limit
PAYLOAD_LIMIT = 6 * 1024 * 1024  # bytes; "Lambda quotas": invocation payload
RECORD_OVERHEAD = 1_000  # bytes of a record besides its body and attributes; a generous estimate
Json = dict[str, Any]
Receive = Callable[[str, int], list[Json]]
Response = tuple[int, dict[str, str], bytes]


@dataclass
class QuietQueues:
    """How long a mapping with a window collects from a quiet queue, as a share of its function's timeout."""

    share: float = 20 / 30


quiet_queues = QuietQueues()


def install() -> None:
    """Make this process's MiniStack invoke functions with a queue's records as Lambda does."""
    _collect_in_windows()
    _fail_batches_on_invalid_responses()
    _refuse_large_batches_without_a_window()


@dataclass(frozen=True)
class _Record:
    """A received message. `handle` is this receipt's; a later receipt by any consumer replaces it."""

    message: Json
    handle: str
    size: int


@dataclass(frozen=True)
class _PendingBatch:
    """The records that a mapping holds back until the batch is complete. Times are time.time()."""

    records: list[_Record]
    since: float  # the receipt of the first record
    window: float
    quiet: float  # how long a quiet queue is collected from

    @property
    def deadline(self) -> float:
        is_quiet = len(self.records) < RECEIVED_AT_ONCE
        return self.since + (max(self.window, self.quiet) if self.window and is_quiet else self.window)


class _BatchCollector:
    """Collects the batches of all mappings. MiniStack's one polling thread takes that of `mapping`, again and again."""

    def __init__(self, receive: Receive) -> None:
        self.mapping: Json = {}
        self._receive = receive
        self._pending: dict[str, _PendingBatch] = {}

    def take(self, queue_url: str) -> list[Json]:
        """The messages to invoke the function with; empty until the batch is complete."""
        mapping = self.mapping
        window, size = mapping.get("MaximumBatchingWindowInSeconds") or 0, mapping["BatchSize"]
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            before = self._pending.pop(mapping["UUID"], None)
            records = _still_held(before.records, queue) if before else []
            since = before.since if before else time.time()
            complete = self._fill(records, queue, size if window else min(size, LARGEST_UNBATCHED))
            if not records:
                return []
            pending = _PendingBatch(records, since, window, quiet_queues.share * _function_timeout(mapping))
            if complete or pending.deadline <= time.time():
                return [record.message for record in records]
            self._pending[mapping["UUID"]] = pending
        return []

    def due(self, mappings: Iterable[Json]) -> list[float]:
        """When there is something to do for the mappings, and when there was: time.time() of each such moment.

        A window ends, a record becomes visible, or the pause after a failed invocation is over.
        """
        enabled = [mapping for mapping in mappings if mapping.get("Enabled", True)]
        sources = {mapping.get("EventSourceArn") for mapping in enabled}
        with sqs._queues_lock:
            windows = [self._pending[one["UUID"]].deadline for one in enabled if one["UUID"] in self._pending]
            queues = [queue for _, queue in sqs._queues.all_items() if queue["attributes"]["QueueArn"] in sources]
            records = [message["visible_at"] for queue in queues for message in queue["messages"]]
        pauses = [until for _, until in lambda_svc._esm_backoff_until.all_items()]
        return [*windows, *records, *pauses]

    def _fill(self, records: list[_Record], queue: Json, size: int) -> bool:
        """Receive up to `size` records that are visible; return whether the batch can take no more."""
        while len(records) < size:
            wanted = min(size - len(records), RECEIVED_AT_ONCE)
            fitting, rest_is_too_large = _count_fitting(queue, wanted, PAYLOAD_LIMIT - sum(one.size for one in records))
            received = self._receive(queue["url"], fitting) if fitting else []
            records += [_Record(message, message["receipt_handle"], _size(message)) for message in received]
            if rest_is_too_large or len(received) < wanted:
                return rest_is_too_large
        return True


def _collect_in_windows() -> None:
    iterate = lambda_svc._iter_all_esms
    collector = _BatchCollector(sqs._receive_messages_for_esm)

    def iterate_and_remember() -> Iterator[tuple[str, str, Json]]:
        """Note the current mapping, since MiniStack's thread receives for each one without passing it on."""
        for entry in iterate():
            *_, collector.mapping = entry
            yield entry

    lambda_svc._iter_all_esms = iterate_and_remember
    lambda_svc._esm_wake = PollerWake(lambda_svc._esm_wake, lambda: collector.due(mapping for *_, mapping in iterate()))
    sqs._receive_messages_for_esm = lambda queue_url, max_number: collector.take(queue_url)


def _still_held(records: list[_Record], queue: Json) -> list[_Record]:
    """The records that were not purged, did not expire and did not return, as they do while the mapping is disabled."""
    present, now = {id(message) for message in queue["messages"]}, time.time()
    return [
        record
        for record in records
        if id(record.message) in present
        and record.message["receipt_handle"] == record.handle
        and record.message["visible_at"] > now
    ]


def _count_fitting(queue: Json, wanted: int, room: int) -> tuple[int, bool]:
    """How many of the next `wanted` visible messages fit into `room` bytes, and whether the one after them does not."""
    now = time.time()
    visible = (message for message in queue["messages"] if message["visible_at"] <= now)
    fitting = 0
    for message in itertools.islice(visible, wanted):
        room -= _size(message)
        if room < 0:
            return fitting, True
        fitting += 1
    return fitting, False


def _size(message: Json) -> int:
    """The size of the record in the function's event, in bytes."""
    texts = [message["body"], message.get("message_attributes")]
    return len(json.dumps(texts, ensure_ascii=False).encode()) + RECORD_OVERHEAD


def _function_timeout(mapping: Json) -> float:
    name = str(mapping.get("FunctionArn")).partition(":function:")[2].partition(":")[0]
    function = lambda_svc._functions.get(name)
    return float(function["config"]["Timeout"]) if function else 0.0


def _fail_batches_on_invalid_responses() -> None:
    run_batch, execute = lambda_svc._run_sqs_batch, lambda_svc._execute_function
    sent: ContextVar[frozenset[str] | None] = ContextVar(
        "ids of the records that the function may report", default=None
    )

    def run_reporting_batch(mapping: Json, func: Json, event: Json, *arguments: Any) -> None:
        if "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []):
            sent.set(frozenset(record["messageId"] for record in event["Records"]))  # this thread runs only this batch
        run_batch(mapping, func, event, *arguments)

    def execute_and_parse_response(func: Json, event: Json) -> Json:
        result: Json = execute(func, event)
        ids = sent.get()
        if ids is None or result.get("error"):
            return result
        try:
            return {**result, "body": {"batchItemFailures": _parse_failures(result.get("body"), ids)}}
        except _InvalidResponse as error:
            return {**result, "error": True, "body": {"errorType": "InvalidResponse", "errorMessage": str(error)}}

    lambda_svc._run_sqs_batch = run_reporting_batch
    lambda_svc._execute_function = execute_and_parse_response


class _InvalidResponse(Exception):
    """A response for which Lambda counts the whole batch as failed."""


def _parse_failures(response: Any, ids: frozenset[str]) -> list[Json]:
    """The failed items of the response; empty if it is nothing, null or {}. Raises _InvalidResponse."""
    if isinstance(response, str) and response:
        try:
            response = json.loads(response)
        except ValueError:
            raise _InvalidResponse("the response is not JSON") from None
    if response is None or response == "":
        return []
    if not isinstance(response, Mapping):
        raise _InvalidResponse("the response is not a JSON object")
    failures = response.get("batchItemFailures")
    if failures is None:
        return []
    if not isinstance(failures, list):
        raise _InvalidResponse("batchItemFailures is not a list")
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, Mapping) else None
        if not isinstance(identifier, str) or identifier not in ids:
            raise _InvalidResponse(f"batchItemFailures names {identifier!r}, which is not in the batch")
    return failures


def _refuse_large_batches_without_a_window() -> None:
    create, update = lambda_svc._create_esm, lambda_svc._update_esm

    def create_if_possible(data: Json) -> Response:
        answer: Response = _refusal(data) or create(data)
        return answer

    def update_if_possible(uuid: str, data: Json) -> Response:
        answer: Response = _refusal({**(lambda_svc._esms.get(uuid) or {}), **data}) or update(uuid, data)
        return answer

    lambda_svc._create_esm = create_if_possible
    lambda_svc._update_esm = update_if_possible


def _refusal(mapping: Mapping[str, Any]) -> Response | None:
    if ":sqs:" not in str(mapping.get("EventSourceArn")):
        return None
    if mapping.get("BatchSize", 0) <= LARGEST_UNBATCHED or mapping.get("MaximumBatchingWindowInSeconds"):
        return None
    refusal: Response = lambda_svc._invalid_parameter_value(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    )
    return refusal
