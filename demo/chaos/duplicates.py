"""Finds the jobs that one notifier delivered more than once, and why the function could not know better."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.chaos.dead_letters import JOB_NAME

Json = Mapping[str, Any]
Pair = tuple[str, str]  # job name, notifier name

REPEAT_MARK = "may be a repeat"
KILLED = "the function was killed before it could log the outcome"
CLAIM_ENDED = "the claim had run out when the channel had the message"
REDRIVEN = "the dead letter of a message that may have arrived was redriven"


@dataclass(frozen=True)
class Duplicate:
    """A job that one notifier delivered more than once. `marked`: all copies but one say that they may be a repeat."""

    job: str
    notifier: str
    times: int
    marked: bool
    cause: str  # empty if unknown


def marks_of(arrived: Mapping[str, Sequence[Sequence[str]]]) -> Mapping[Pair, Sequence[bool]]:
    """Return each job and notifier that it arrived at, with whether each copy is marked as a possible repeat."""
    marks: dict[Pair, list[bool]] = defaultdict(list)
    for notifier, messages in arrived.items():
        for texts in messages:
            for job, marked in jobs_in(texts).items():
                marks[job, notifier].append(marked)
    return marks


def jobs_in(texts: Sequence[str], names: re.Pattern[str] = JOB_NAME) -> dict[str, bool]:
    """The jobs that one message reports, each with whether it is marked as a possible repeat.

    texts: all texts of the message. In a message about one job the mark may be anywhere, in a digest it is in the line
        of the job.
    names: what a job's name looks like.
    """
    found: dict[str, bool] = {}
    lines = [line for text in texts for line in text.splitlines()]
    for line in lines:
        for name in names.findall(line):
            found[name] = found.get(name, False) or REPEAT_MARK in line
    if len(found) == 1 and any(REPEAT_MARK in line for line in lines):
        return dict.fromkeys(found, True)
    return found


def find_duplicates(
    marks: Mapping[Pair, Sequence[bool]],
    log: Sequence[Json],
    keys: Mapping[str, str],
    kills: int,
    redriven: Collection[Pair],
) -> list[Duplicate]:
    """Return what arrived more than once.

    log: the lines of the function's log.
    keys: the names of the jobs by the keys of their messages.
    kills: how often the function was killed.
    redriven: what was a dead letter and was sent again.
    """
    causes = _causes(log, keys)
    sent = Counter(
        (keys.get(line.get("message_key", ""), ""), line.get("notifier"))
        for line in log
        if line.get("result") == "sent" and "message_key" in line
    )

    def cause(pair: Pair) -> str:
        # A kill does not explain two "sent" in the log: the function knew of the first, so it is at fault.
        killed = KILLED if kills and sent[pair] <= 1 else ""
        return causes.get(pair) or (REDRIVEN if pair in redriven else killed)

    return [
        Duplicate(pair[0], pair[1], len(copies), copies.count(False) <= 1, cause(pair))
        for pair, copies in sorted(marks.items())
        if len(copies) > 1
    ]


def _causes(log: Sequence[Json], keys: Mapping[str, str]) -> dict[Pair, str]:
    """Why the function could not know that a message had been delivered, according to its log."""
    causes: dict[Pair, Counter[str]] = defaultdict(Counter)
    for line in log:
        notifier = str(line.get("notifier"))
        if line.get("result") == "unknown" and line.get("message_key") in keys:
            causes[keys[line["message_key"]], notifier][f"unknown outcome: {line['reason']}"] += 1
            continue
        # Lines about several messages: the ledger could not be written, or the claim had run out after a delivery.
        if line.get("result", "sent") != "sent":
            continue
        text = f"the ledger could not be written: {line['reason']}" if "reason" in line else CLAIM_ENDED
        for key in line.get("message_keys", ()):
            if key in keys:
                causes[keys[key], notifier][text] += 1
    return {pair: counts.most_common(1)[0][0] for pair, counts in causes.items()}
