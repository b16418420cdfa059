"""Sends tickets and dead letters to their queues, in batches, within the time that is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.timing import Deadline

# SQS API reference, SendMessageBatch: ten entries, 1 MiB together; a little is left for what counts besides the bodies.
BATCH_ENTRIES = 10
BATCH_BYTES = 1_000_000


@dataclass(frozen=True)
class OutboxEntry:
    """The body of a ticket or a dead letter. `records`: they may be deleted once the queue has it."""

    body: str
    records: tuple[str, ...]
    delay: int | None = None  # s, at most 900, for the retry queue; None: a dead letter


@dataclass(frozen=True)
class Outbox:
    """The stack's retry queue and dead-letter queue."""

    client: Any  # boto3, sqs
    retry_url: str
    dead_letter_url: str

    def post(self, entries: Sequence[OutboxEntry], deadline: Deadline) -> Mapping[str, str]:
        """Send the entries. Returns the records that must stay because SQS refused an entry, each with the reason."""
        refused: dict[str, str] = {}
        for url, dead in ((self.retry_url, False), (self.dead_letter_url, True)):
            for batch in _batches([entry for entry in entries if (entry.delay is None) is dead]):
                for entry, reason in self._send(url, batch, deadline):
                    refused.update(dict.fromkeys(entry.records, reason))
        return refused

    def _send(self, url: str, batch: Sequence[OutboxEntry], deadline: Deadline) -> Iterator[tuple[OutboxEntry, str]]:
        """Yield the entries that SQS refused, each with the reason."""
        if deadline.passed:
            yield from ((entry, "no time left") for entry in batch)
            return
        messages = [
            {"Id": str(number), "MessageBody": entry.body, "DelaySeconds": entry.delay or 0}
            for number, entry in enumerate(batch)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=url, Entries=messages)
        except ClientError as error:
            yield from ((entry, error.response["Error"]["Code"]) for entry in batch)
        except BotoCoreError as error:
            yield from ((entry, type(error).__name__) for entry in batch)
        else:
            yield from ((batch[int(one["Id"])], one["Code"]) for one in answer.get("Failed", []))


def _batches(entries: Sequence[OutboxEntry]) -> Iterator[Sequence[OutboxEntry]]:
    batch: list[OutboxEntry] = []
    size = 0
    for entry in entries:
        length = len(entry.body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
