"""Queues: visibility, receive counts, dead letters, delays, duplicates, any order.

Source: SQS Developer Guide, "Visibility timeout", "Dead-letter queues", "At-least-once delivery"; SQS API reference,
SendMessageBatch, StartMessageMoveTask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

RETENTION = 14 * 86_400  # s; longer than any run


@dataclass(eq=False)
class Letter:
    """A message of SQS.

    receives: how often SQS handed it over.
    received_at: when it did so first.
    fates: how each of these ended.
    source: the queue from which SQS moved it, after too many receives.
    since: when the function first tried what is in it.
    """

    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0
    received_at: float | None = None
    fates: list[str] = field(default_factory=list)
    source: str = ""
    since: float | None = None


@dataclass(eq=False)
class Queue:
    """`dead_letters`: where a letter goes that was received more often than `max_receives`."""

    name: str
    now: Callable[[], float]
    random: Random
    visibility: float = 0.0
    max_receives: int = 5
    dead_letters: Queue | None = None
    any_order: bool = False
    duplicate_share: float = 0.0
    on_change: Callable[[float], None] = lambda moment: None
    on_dead: Callable[[Letter], None] = lambda letter: None
    on_put: Callable[[Letter], None] = lambda letter: None
    letters: dict[str, Letter] = field(default_factory=dict)
    numbers: int = 0

    def put(self, body: str, delay: float = 0.0, source: str = "") -> Letter:
        self.numbers += 1
        now = self.now()
        letter = Letter(f"{self.name}-{self.numbers}", body, now, now + delay, source=source)
        self.letters[letter.id] = letter
        self.on_put(letter)
        self.on_change(letter.visible_at)
        return letter

    def next_visible(self) -> float | None:
        return min([letter.visible_at for letter in self.letters.values()], default=None)

    def receive(self, limit: int) -> list[Letter]:
        """Hand over letters, and hide them for a while. What was handed over too often becomes a dead letter."""
        now = self.now()
        visible = [letter for letter in self.letters.values() if letter.visible_at <= now]
        if self.any_order:
            self.random.shuffle(visible)
        handed: list[Letter] = []
        for letter in visible:
            if len(handed) == limit:
                break
            if letter.receives >= self.max_receives and self.dead_letters is not None:
                del self.letters[letter.id]
                self.on_dead(letter)
                self.dead_letters.put(letter.body, source=self.name)
                continue
            letter.receives += 1
            letter.received_at = letter.received_at or now
            hidden = self.visibility
            if self.duplicate_share and self.random.random() < self.duplicate_share:
                hidden = self.random.random()  # another server of SQS has it too
            letter.visible_at = now + hidden
            self.on_change(letter.visible_at)
            handed.append(letter)
        return handed

    def delete(self, letter: Letter) -> None:
        if self.duplicate_share and self.random.random() < self.duplicate_share / 4 and letter.id in self.letters:
            return  # a server of SQS was away, and has it still
        self.letters.pop(letter.id, None)

    def move_to(self, other: Queue) -> int:
        """Move all that are visible, as new letters: a redrive."""
        now = self.now()
        moved = [letter for letter in self.letters.values() if letter.visible_at <= now]
        for letter in moved:
            del self.letters[letter.id]
            other.put(letter.body)
        return len(moved)


def record_of(letter: Letter, queue: Queue) -> dict[str, Any]:
    """What Lambda hands to the function (Lambda Developer Guide, "Using Lambda with Amazon SQS")."""
    return {
        "messageId": letter.id,
        "receiptHandle": f"{letter.id}#{letter.receives}",
        "body": letter.body,
        "attributes": {
            "ApproximateReceiveCount": str(letter.receives),
            "SentTimestamp": str(int(letter.sent_at * 1000)),
            "SenderId": "AIDASIMULATED",
            "ApproximateFirstReceiveTimestamp": str(int((letter.received_at or 0.0) * 1000)),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue.name}",
        "awsRegion": "us-east-1",
    }
