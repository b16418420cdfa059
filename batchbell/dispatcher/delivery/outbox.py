"""Hands tickets and dead letters to their queues, in batches, within the time that is left."""

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
class Letter:
    """One body for a queue. `records`: those that may be deleted once the queue has it."""

    body: str
    records: tuple[str, ...]
    delay: int | None = None  # s, at most 900, for the retry queue; None: it is a dead letter


@dataclass(frozen=True)
class Outbox:
    """The stack's retry queue and dead-letter queue."""

    client: Any  # boto3, sqs
    retry_url: str
    dead_letter_url: str

    def post(self, letters: Sequence[Letter], deadline: Deadline) -> Mapping[str, str]:
        """Send them. Gives the records that must stay because a queue did not take their letter, each with why."""
        refused: dict[str, str] = {}
        for url, dead in ((self.retry_url, False), (self.dead_letter_url, True)):
            for batch in _batches([letter for letter in letters if (letter.delay is None) is dead]):
                for letter, reason in self._send(url, batch, deadline):
                    refused.update(dict.fromkeys(letter.records, reason))
        return refused

    def _send(self, url: str, batch: Sequence[Letter], deadline: Deadline) -> Iterator[tuple[Letter, str]]:
        """The letters that were not taken, and why."""
        if deadline.passed:
            yield from ((letter, "no time left") for letter in batch)
            return
        entries = [
            {"Id": str(number), "MessageBody": letter.body, "DelaySeconds": letter.delay or 0}
            for number, letter in enumerate(batch)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=url, Entries=entries)
        except ClientError as error:
            yield from ((letter, error.response["Error"]["Code"]) for letter in batch)
        except BotoCoreError as error:
            yield from ((letter, type(error).__name__) for letter in batch)
        else:
            yield from ((batch[int(one["Id"])], one["Code"]) for one in answer.get("Failed", []))


def _batches(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        length = len(letter.body.encode())
        if batch and (len(batch) == BATCH_ENTRIES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += length
    if batch:
        yield batch
