"""Sends tickets and dead letters to their queues, in batches, within the time that is left.

A record that stays in its queue uses up one of its receives, which are for crashes. So batches are sent side by side,
and what SQS does not take is sent again until the time is over.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from batchbell.dispatcher.delivery.threads import run
from batchbell.dispatcher.timing import Deadline

# SQS API reference, SendMessageBatch: ten entries, 1 MiB together; a little is left for what counts besides the bodies.
BATCH_ENTRIES = 10
BATCH_BYTES = 1_000_000
SIDE_BY_SIDE = 8  # batches; boto3's pool has ten connections
PAUSE = 0.1  # s before a batch is sent again


@dataclass(frozen=True)
class OutboxEntry:
    """The body of a ticket or a dead letter. `records`: they may be deleted once the queue has it."""

    body: str
    records: tuple[str, ...]
    delay: int | None = None  # s from the call of `post`, at most 900, for the retry queue; None: a dead letter


Numbered = Mapping[int, OutboxEntry]


@dataclass(frozen=True)
class _Posting:
    """What is left of one invocation's entries, by number, and why."""

    began: float  # on the monotonic clock
    reasons: dict[int, str]
    batches: queue.SimpleQueue[tuple[str, Numbered]] = field(default_factory=queue.SimpleQueue)


@dataclass(frozen=True)
class Outbox:
    """The stack's retry queue and dead-letter queue."""

    client: Any  # boto3, sqs
    retry_url: str
    dead_letter_url: str

    def post(self, entries: Sequence[OutboxEntry], deadline: Deadline) -> Mapping[str, str]:
        """Send the entries. Returns the records that must stay because SQS refused an entry, each with the reason."""
        posting = _Posting(time.monotonic(), dict.fromkeys(range(len(entries)), "no time left"))
        for url, dead in ((self.retry_url, False), (self.dead_letter_url, True)):
            numbered = {number: entry for number, entry in enumerate(entries) if (entry.delay is None) is dead}
            for batch in _batches(numbered):
                posting.batches.put((url, batch))
        run([partial(self._work, posting, deadline)] * min(SIDE_BY_SIDE, posting.batches.qsize()), deadline)
        left = dict(posting.reasons)  # a thread that is not waited for may still change the other
        return {record: reason for number, reason in left.items() for record in entries[number].records}

    def _work(self, posting: _Posting, deadline: Deadline) -> None:
        """Send batches while there are any, each until SQS has taken it or refused it for good."""
        while not deadline.passed:
            try:
                url, batch = posting.batches.get_nowait()
            except queue.Empty:
                return
            while batch and not deadline.passed:
                refused = self._send(url, batch, waited=int(time.monotonic() - posting.began))
                posting.reasons.update((number, reason) for number, (reason, _) in refused.items())
                for number in batch.keys() - refused.keys():
                    posting.reasons.pop(number)
                batch = {number: batch[number] for number, (_, for_good) in refused.items() if not for_good}
                if batch:
                    time.sleep(min(PAUSE, deadline.left))

    def _send(self, url: str, batch: Numbered, waited: int) -> Mapping[int, tuple[str, bool]]:
        """Return the entries that SQS did not take, each with the reason and whether it refused it for good.

        waited: seconds that the entries' delays are over, so that what SQS takes late is due as it was meant.
        """
        messages = [
            {"Id": str(number), "MessageBody": entry.body, "DelaySeconds": max(0, (entry.delay or 0) - waited)}
            for number, entry in batch.items()
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=url, Entries=messages)
        except ClientError as error:
            code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            return dict.fromkeys(batch, (code, status < 500 and "Throttl" not in code))
        except Exception as error:
            return dict.fromkeys(batch, (type(error).__name__, False))
        return {int(one["Id"]): (one["Code"], one["SenderFault"]) for one in answer.get("Failed", [])}


def _batches(entries: Numbered) -> Iterator[Numbered]:
    batch: dict[int, OutboxEntry] = {}
    size = 0
    for number, entry in entries.items():
        length = len(entry.body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            yield batch
            batch, size = {}, 0
        batch[number] = entry
        size += length
    if batch:
        yield batch
