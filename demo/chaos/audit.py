"""Audits a chaos run from what its channels, queues and log hold: lost, delivered, twice, alive for too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from batchbell.wire import OLDEST_UNDELIVERED
from batchbell_local.slack.channel_history import SlackMessage
from batchbell_local.slack.sink import BODIES
from demo.chaos.boards import Boards, audit_boards
from demo.chaos.dead_letters import ALL_NOTIFIERS, DeadLetter, DeadLetters
from demo.chaos.duplicates import Duplicate, Pair, find_duplicates, marks_of
from demo.chaos.ending import Ending
from demo.chaos.workload import Workload

Json = Mapping[str, Any]

SLACK, BOT = "slack", "bot"
REFUSAL = BODIES[400]  # Slack's word for a payload that it refuses; only the refused jobs get it
DESCRIPTORS_LIMIT = 64  # of a process; one that keeps the sockets of hanging sends has more and more


@dataclass(frozen=True)
class Times:
    """Seconds: a ticket's lifetime, its slot, and how far apart clocks are."""

    lifetime: float
    slot: float
    apart: float


@dataclass(frozen=True)
class Audit:
    """The result of a run.

    messages: how many messages each channel accepted.
    delivered: how many jobs these messages report.
    dead_letters: before their redrive.
    lost: jobs and notifiers with neither a delivery, a ticket nor a dead letter, and invalid records without the last.
    boards: the live messages of the bot.
    waiting: how many messages still waited after half of their lifetime.
    wrong: what else breaks the delivery promise.
    faults: how often each fault hit.
    """

    seed: int
    accepted: int
    delivered: Mapping[str, int]
    messages: Mapping[str, int]
    duplicates: Sequence[Duplicate]
    dead_letters: Sequence[DeadLetter]
    lost: Sequence[Pair]
    boards: Boards
    waiting: int
    refused: Sequence[str]
    descriptors: int
    wrong: Sequence[str]
    faults: Mapping[str, int]
    seconds: float

    def violations(self) -> list[str]:
        """What breaks the delivery promise: losses, duplicates without a mark or a known cause, and `wrong`."""
        found = [f"lost: {job or 'an invalid record'} for {notifier}" for job, notifier in self.lost]
        for one in self.duplicates:
            if not one.marked:
                found.append(f"duplicate without a mark: {one.job} for {one.notifier}")
            if not one.cause:
                found.append(f"duplicate without a cause: {one.job} for {one.notifier}")
        return [*found, *self.boards.wrong, *self.wrong]

    def to_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "accepted": self.accepted,
            "delivered": dict(self.delivered),
            "messages": dict(self.messages),
            "duplicates": len(self.duplicates),
            "dead_letters": len(self.dead_letters),
            "lost": len(self.lost),
            "boards": {"posts": self.boards.posts, "edits": self.boards.edits},
            "waiting": self.waiting,
            "refused": list(self.refused),
            "descriptors": self.descriptors,
            "seconds": round(self.seconds, 1),
            "faults": dict(sorted(self.faults.items())),
            "each_duplicate": [asdict(one) for one in self.duplicates],
            "each_dead_letter": [asdict(one) for one in self.dead_letters],
            "each_lost": [{"job": job, "notifier": notifier} for job, notifier in self.lost],
            "wrong": self.violations(),
        }


def audit_run(
    workload: Workload,
    arrived: Mapping[str, Sequence[Sequence[str]]],
    bot: Sequence[SlackMessage],
    ending: Ending,
    log: Sequence[Json],
    hits: Mapping[str, int],
    kills: int,
    times: Times,
    seed: int,
    seconds: float,
) -> Audit:
    """Compare what was sent with what arrived.

    arrived: the texts of each message that a channel accepted, by notifier.
    bot: what the bot posted.
    log: the lines of the function's log.
    hits: how often each fault hit.
    kills: how often the function was killed.
    """
    marks = marks_of(arrived)
    dead, dead_again = (DeadLetters.of(bodies, workload.keys) for bodies in (ending.dead, ending.dead_again))
    pairs = [(job, notifier) for job in workload.jobs for notifier in arrived]
    alive = {_pair(body, workload.keys) for body in ending.alive}
    lost = [pair for pair in pairs if pair not in marks and pair not in alive and not dead_again.holds(*pair)]
    lost += [("", ALL_NOTIFIERS)] * max(0, len(set(workload.invalid_records)) - dead.unreadable)
    wrong = [
        *_alive(ending, log, times, workload.keys),
        *_left_open(ending),
        *_refusals(workload.refused, dead, dead_again),
        *(
            f"dead letter without its whole message: {one.job} for {one.notifier}"
            for one in (*dead.incomplete, *dead_again.incomplete)
        ),
    ]
    return Audit(
        seed=seed,
        accepted=len(workload.jobs),
        delivered={name: sum((job, name) in marks for job in workload.jobs) for name in arrived},
        messages={name: len(messages) for name, messages in arrived.items()},
        duplicates=find_duplicates(marks, log, workload.keys, kills, dead.pairs),
        dead_letters=dead.letters,
        lost=lost,
        boards=audit_boards(bot, {job for job, notifier in marks if notifier == BOT}),
        waiting=len(ending.waiting),
        refused=workload.refused,
        descriptors=ending.descriptors,
        wrong=wrong,
        faults={name: count for name, count in hits.items() if count},
        seconds=seconds,
    )


def _alive(ending: Ending, log: Sequence[Json], times: Times, keys: Mapping[str, str]) -> list[str]:
    """What waits for longer than it may, or without an alarm that could know of it."""
    too_late = [
        body
        for body in ending.waiting
        if body.get("not_before", 0) > body.get("first_tried", 0) + times.lifetime + times.slot
    ]
    pairs = [_pair(body, keys) for body in (*too_late, *ending.alive)]
    found = [f"alive beyond its lifetime: {job} for {notifier}" for job, notifier in dict.fromkeys(pairs)]
    known = max((line[OLDEST_UNDELIVERED] for line in log if OLDEST_UNDELIVERED in line), default=0.0)
    if ending.waiting and known < times.lifetime / 2 - times.apart:
        found.append(f"no alarm knows that messages wait: the oldest is said to be {known:.0f} s old")
    return found


def _left_open(ending: Ending) -> list[str]:
    found = []
    if ending.connections:
        found.append(f"connections to Slack that were left open: {ending.connections}")
    if ending.descriptors > DESCRIPTORS_LIMIT:
        found.append(f"a process of the function has {ending.descriptors} descriptors open")
    return found


def _refusals(refused: Sequence[str], dead: DeadLetters, dead_again: DeadLetters) -> list[str]:
    """What is wrong with the jobs that Slack refuses, and with those that shared a digest with them."""
    found = [f"refused, and not a dead letter: {job}" for job in refused if not dead.holds(job, SLACK)]
    for one in dead.letters:
        if REFUSAL in one.cause and one.job not in refused:
            found.append(f"dead, although Slack refused another job of its digest: {one.job}")
    for one in dead_again.letters:
        if one.job and (one.notifier != SLACK or one.job not in refused):
            found.append(f"dead again after its redrive, with every channel well: {one.job} for {one.notifier}")
    return found


def _pair(ticket: Json, keys: Mapping[str, str]) -> Pair:
    message = ticket.get("message") or {}
    return keys.get(message.get("key", ""), "a record"), ticket.get("notifier", ALL_NOTIFIERS)
