"""Reads dead letters: which job's message for which notifier died, why, and whether all of it is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchbell.wire import BOARD

Json = Mapping[str, Any]

JOB_NAME = re.compile(r"chaos-\d{4,}")
ALL_NOTIFIERS = "*"
PARTS_OF_MESSAGE = ("title", "summary", "facts", "links")  # every message about a job has them


@dataclass(frozen=True)
class DeadLetter:
    """`job` is empty if no job could be parsed; `notifier` is ALL_NOTIFIERS if the record was never fanned out."""

    job: str
    notifier: str
    cause: str


@dataclass(frozen=True)
class DeadLetters:
    """Each message for a notifier once, since SQS may hold its dead letter twice.

    incomplete: those that lack a part of their message.
    unreadable: how many records there are that no job could be parsed from.
    """

    letters: Sequence[DeadLetter] = ()
    incomplete: Sequence[DeadLetter] = ()
    unreadable: int = 0
    pairs: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # job and notifier

    @classmethod
    def of(cls, bodies: Sequence[Json], keys: Mapping[str, str]) -> DeadLetters:
        """`keys`: the names of the jobs by the keys of their messages."""
        found: dict[tuple[str, ...], tuple[DeadLetter, bool]] = {}
        for body in bodies:
            identity, letter = _parse(body, keys)
            found.setdefault(identity, (letter, _is_whole(body, letter)))
        letters = [letter for letter, _ in found.values()]
        return cls(
            letters,
            [letter for letter, whole in found.values() if not whole],
            sum(identity[0] == "unreadable" for identity in found),
            # What a live message would have shown at last is not the outcome's own message.
            frozenset((one.job, one.notifier) for identity, (one, _) in found.items() if not _is_board(*identity)),
        )

    def holds(self, job: str, notifier: str) -> bool:
        return not {(job, notifier), (job, ALL_NOTIFIERS)}.isdisjoint(self.pairs)


def _parse(body: Json, keys: Mapping[str, str]) -> tuple[tuple[str, ...], DeadLetter]:
    """Return what makes it the same as another, and what it says."""
    if "ticket" in body:
        key, notifier = body["message"]["key"], body["notifier"]
        return ("ticket", key, notifier), DeadLetter(_job_of(key, keys), notifier, body["reason"])
    if "unreadable" in body:
        identity = ("unreadable", str(body.get("sha256")), str(body.get("size")))
        return identity, DeadLetter("", ALL_NOTIFIERS, body["reason"])
    text = json.dumps(body)
    names = JOB_NAME.findall(text)
    letter = DeadLetter(names[0] if names else "", ALL_NOTIFIERS, "the function crashed on every attempt")
    return ("record", text), letter


def _job_of(key: str, keys: Mapping[str, str]) -> str:
    if not key.endswith(BOARD):
        return keys.get(key, "")
    arn = key.removesuffix(BOARD)
    return next((job for other, job in keys.items() if other.startswith(f"{arn}#")), "")


def _is_board(kind: str, key: str, *_: str) -> bool:
    return kind == "ticket" and key.endswith(BOARD)


def _is_whole(body: Json, letter: DeadLetter) -> bool:
    if "ticket" not in body:
        return True
    message = body["message"]
    return message.get("job_name") == letter.job and all(message.get(part) for part in PARTS_OF_MESSAGE)
