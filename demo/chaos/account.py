"""What became of each job's messages: read from the channels, the dead letters and the function's log alone."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from demo.chaos.traffic import Traffic

Json = Mapping[str, Any]
Pair = tuple[str, str]  # a job's name, a notifier's name

NAME = re.compile(r"chaos-\d{4,}")
MARK = "may be a repeat"
EVERYONE = "*"


@dataclass(frozen=True)
class Duplicate:
    """A job that one notifier delivered more than once. `marked`: all but one say that they may be a repeat."""

    job: str
    notifier: str
    times: int
    marked: bool
    cause: str  # empty: none is known


@dataclass(frozen=True)
class DeadLetter:
    """`job` is empty for a record that no job could be read from, `notifier` is EVERYONE where it never got so far."""

    job: str
    notifier: str
    cause: str


@dataclass(frozen=True)
class Account:
    """The end of a run. `messages`: how many each channel accepted; `delivered`: of how many jobs they tell; `lost`:
    the jobs and notifiers with neither a delivery nor a dead letter, and records that are nowhere."""

    seed: int
    accepted: int
    delivered: Mapping[str, int]
    messages: Mapping[str, int]
    duplicates: Sequence[Duplicate]
    dead_letters: Sequence[DeadLetter]
    lost: Sequence[Pair]
    faults: Mapping[str, int]
    seconds: float

    def wrong(self) -> list[str]:
        """What must not be."""
        found = [f"lost: {job or 'an odd record'} for {notifier}" for job, notifier in self.lost]
        for one in self.duplicates:
            if not one.marked:
                found.append(f"doubled without a mark: {one.job} for {one.notifier}")
            if not one.cause:
                found.append(f"doubled without a cause: {one.job} for {one.notifier}")
        return found

    def to_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "accepted": self.accepted,
            "delivered": dict(self.delivered),
            "messages": dict(self.messages),
            "duplicates": len(self.duplicates),
            "dead_letters": len(self.dead_letters),
            "lost": len(self.lost),
            "seconds": round(self.seconds, 1),
            "faults": dict(sorted(self.faults.items())),
            "each_duplicate": [asdict(one) for one in self.duplicates],
            "each_dead_letter": [asdict(one) for one in self.dead_letters],
            "each_lost": [{"job": job, "notifier": notifier} for job, notifier in self.lost],
            "wrong": self.wrong(),
        }


def jobs_in(texts: Sequence[str]) -> dict[str, bool]:
    """The jobs that one message tells of, and of each whether it says that it may be a repeat.

    `texts`: all texts of the message. A message of one job says so anywhere, a digest in the line of the job.
    """
    found: dict[str, bool] = {}
    lines = [line for text in texts for line in text.splitlines()]
    for line in lines:
        for name in NAME.findall(line):
            found[name] = found.get(name, False) or MARK in line
    if len(found) == 1 and any(MARK in line for line in lines):
        return dict.fromkeys(found, True)
    return found


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from strings(part)


def draw_up(
    traffic: Traffic,
    arrived: Mapping[str, Sequence[Sequence[str]]],
    dead: Sequence[Json],
    log: Sequence[Json],
    hits: Mapping[str, int],
    kills: int,
    seed: int,
    seconds: float,
) -> Account:
    """`arrived`: by notifier, the texts of each message that its channel accepted. `dead`: dead letters' bodies, where
    one that is no JSON is {"raw": text}. `log`: the function's lines. `kills`: how often it was killed."""
    told: dict[Pair, list[bool]] = defaultdict(list)
    for notifier, messages in arrived.items():
        for texts in messages:
            for job, marked in jobs_in(texts).items():
                told[job, notifier].append(marked)
    letters = [_read_dead_letter(body, traffic.keys) for body in dead]
    buried = {(letter.job, letter.notifier) for letter in letters}
    causes = _find_causes(log, traffic.keys)
    said = Counter(
        (traffic.keys.get(line.get("message_key", ""), ""), line.get("notifier"))
        for line in log
        if line.get("result") == "sent"
    )
    pairs = [(job, notifier) for job in traffic.jobs for notifier in arrived]
    lost = [pair for pair in pairs if pair not in told and not {pair, (pair[0], EVERYONE)} & buried]
    unreadable = len({(body.get("sha256"), body.get("size")) for body in dead if "unreadable" in body})
    lost += [("", EVERYONE)] * max(0, len(set(traffic.odd)) - unreadable)
    return Account(
        seed=seed,
        accepted=len(traffic.jobs),
        delivered={name: sum((job, name) in told for job in traffic.jobs) for name in arrived},
        messages={name: len(messages) for name, messages in arrived.items()},
        duplicates=[
            Duplicate(
                job=pair[0],
                notifier=pair[1],
                times=len(marks),
                marked=marks.count(False) <= 1,
                # Twice "sent" is no loss of knowledge: that would be a fault of the function's own.
                cause=causes.get(pair) or (KILLED if kills and said[pair] <= 1 else ""),
            )
            for pair, marks in sorted(told.items())
            if len(marks) > 1
        ],
        dead_letters=letters,
        lost=lost,
        faults={name: count for name, count in hits.items() if count},
        seconds=seconds,
    )


KILLED = "the function was killed before it could say what became of it"


def _find_causes(log: Sequence[Json], keys: Mapping[str, str]) -> dict[Pair, str]:
    """Why the function could not know that a message was delivered, as it said itself."""
    causes: dict[Pair, Counter[str]] = defaultdict(Counter)
    for line in log:
        if line.get("result") == "unknown" and line.get("message_key") in keys:
            causes[keys[line["message_key"]], line["notifier"]][f"unknown outcome: {line['reason']}"] += 1
        elif "the ledger could not be written" in str(line.get("message")):
            for key in line.get("message_keys", ()):
                if key in keys:
                    causes[keys[key], line["notifier"]][f"the ledger could not be written: {line['reason']}"] += 1
    return {pair: counts.most_common(1)[0][0] for pair, counts in causes.items()}


def _read_dead_letter(body: Json, keys: Mapping[str, str]) -> DeadLetter:
    if "ticket" in body:
        return DeadLetter(keys.get(body["message"]["key"], ""), body["notifier"], body["reason"])
    if "unreadable" in body:
        return DeadLetter("", EVERYONE, body["reason"])
    names = NAME.findall(json.dumps(body))
    return DeadLetter(names[0] if names else "", EVERYONE, "the function died of it again and again")
