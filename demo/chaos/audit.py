"""Audits a chaos run from what its channels, dead letters and function log hold: lost, delivered or delivered twice."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from demo.chaos.workload import Workload

Json = Mapping[str, Any]
Pair = tuple[str, str]  # job name, notifier name

JOB_NAME = re.compile(r"chaos-\d{4,}")
REPEAT_MARK = "may be a repeat"
ALL_NOTIFIERS = "*"
KILLED = "the function was killed before it could log the outcome"


@dataclass(frozen=True)
class Duplicate:
    """A job that one notifier delivered more than once. `marked`: all copies but one say that they may be a repeat."""

    job: str
    notifier: str
    times: int
    marked: bool
    cause: str  # empty if unknown


@dataclass(frozen=True)
class DeadLetter:
    """`job` is empty if no job could be parsed; `notifier` is ALL_NOTIFIERS if the record was never fanned out."""

    job: str
    notifier: str
    cause: str


@dataclass(frozen=True)
class Audit:
    """The result of a run.

    messages: how many messages each channel accepted.
    delivered: how many jobs these messages report.
    lost: jobs and notifiers with neither a delivery nor a dead letter, and invalid records without a dead letter.
    faults: how often each fault hit.
    """

    seed: int
    accepted: int
    delivered: Mapping[str, int]
    messages: Mapping[str, int]
    duplicates: Sequence[Duplicate]
    dead_letters: Sequence[DeadLetter]
    lost: Sequence[Pair]
    faults: Mapping[str, int]
    seconds: float

    def violations(self) -> list[str]:
        """What breaks the delivery promise: losses, and duplicates without a mark or a known cause."""
        found = [f"lost: {job or 'an invalid record'} for {notifier}" for job, notifier in self.lost]
        for one in self.duplicates:
            if not one.marked:
                found.append(f"duplicate without a mark: {one.job} for {one.notifier}")
            if not one.cause:
                found.append(f"duplicate without a cause: {one.job} for {one.notifier}")
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
            "wrong": self.violations(),
        }


def jobs_in(texts: Sequence[str]) -> dict[str, bool]:
    """The jobs that one message reports, each with whether it is marked as a possible repeat.

    `texts`: all texts of the message. In a message about one job the mark may be anywhere, in a digest it is in the
    line of the job.
    """
    found: dict[str, bool] = {}
    lines = [line for text in texts for line in text.splitlines()]
    for line in lines:
        for name in JOB_NAME.findall(line):
            found[name] = found.get(name, False) or REPEAT_MARK in line
    if len(found) == 1 and any(REPEAT_MARK in line for line in lines):
        return dict.fromkeys(found, True)
    return found


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from strings_in(part)


def audit_run(
    workload: Workload,
    arrived: Mapping[str, Sequence[Sequence[str]]],
    dead: Sequence[Json],
    log: Sequence[Json],
    hits: Mapping[str, int],
    kills: int,
    seed: int,
    seconds: float,
) -> Audit:
    """Compare what was sent with what arrived.

    arrived: the texts of each message that a channel accepted, by notifier.
    dead: the bodies of the dead letters; one that is not JSON is {"raw": text}.
    log: the lines of the function's log.
    hits: how often each fault hit.
    kills: how often the function was killed.
    """
    marks: dict[Pair, list[bool]] = defaultdict(list)
    for notifier, messages in arrived.items():
        for texts in messages:
            for job, marked in jobs_in(texts).items():
                marks[job, notifier].append(marked)
    letters = [_parse_dead_letter(body, workload.keys) for body in dead]
    buried = {(letter.job, letter.notifier) for letter in letters}
    causes = _find_causes(log, workload.keys)
    logged_as_sent = Counter(
        (workload.keys.get(line.get("message_key", ""), ""), line.get("notifier"))
        for line in log
        if line.get("result") == "sent"
    )
    pairs = [(job, notifier) for job in workload.jobs for notifier in arrived]
    lost = [pair for pair in pairs if pair not in marks and not {pair, (pair[0], ALL_NOTIFIERS)} & buried]
    unreadable = len({(body.get("sha256"), body.get("size")) for body in dead if "unreadable" in body})
    lost += [("", ALL_NOTIFIERS)] * max(0, len(set(workload.invalid_records)) - unreadable)
    return Audit(
        seed=seed,
        accepted=len(workload.jobs),
        delivered={name: sum((job, name) in marks for job in workload.jobs) for name in arrived},
        messages={name: len(messages) for name, messages in arrived.items()},
        duplicates=[
            Duplicate(
                job=pair[0],
                notifier=pair[1],
                times=len(copies),
                marked=copies.count(False) <= 1,
                # A kill does not explain two "sent" in the log: the function knew of the first, so it is at fault.
                cause=causes.get(pair) or (KILLED if kills and logged_as_sent[pair] <= 1 else ""),
            )
            for pair, copies in sorted(marks.items())
            if len(copies) > 1
        ],
        dead_letters=letters,
        lost=lost,
        faults={name: count for name, count in hits.items() if count},
        seconds=seconds,
    )


def _find_causes(log: Sequence[Json], keys: Mapping[str, str]) -> dict[Pair, str]:
    """Why the function could not know that a message had been delivered, according to its log."""
    causes: dict[Pair, Counter[str]] = defaultdict(Counter)
    for line in log:
        if line.get("result") == "unknown" and line.get("message_key") in keys:
            causes[keys[line["message_key"]], line["notifier"]][f"unknown outcome: {line['reason']}"] += 1
        elif "the ledger could not be written" in str(line.get("message")):
            for key in line.get("message_keys", ()):
                if key in keys:
                    causes[keys[key], line["notifier"]][f"the ledger could not be written: {line['reason']}"] += 1
    return {pair: counts.most_common(1)[0][0] for pair, counts in causes.items()}


def _parse_dead_letter(body: Json, keys: Mapping[str, str]) -> DeadLetter:
    if "ticket" in body:
        return DeadLetter(keys.get(body["message"]["key"], ""), body["notifier"], body["reason"])
    if "unreadable" in body:
        return DeadLetter("", ALL_NOTIFIERS, body["reason"])
    names = JOB_NAME.findall(json.dumps(body))
    return DeadLetter(names[0] if names else "", ALL_NOTIFIERS, "the function crashed on every attempt")
