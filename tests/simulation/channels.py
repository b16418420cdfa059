"""Channels: what each one does to a send, and its own record of what it accepted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from batchbell.contract import Message
from batchbell.wire import MessageKind
from tests.simulation.plan import Plan

if TYPE_CHECKING:
    from tests.simulation.world import World

JOB_NAME = re.compile(r"sim-\d{3,}")
REPEAT = "may be a repeat"
# Faults of channels: a webhook has those of HTTP, any other notifier those of Python.
OF_ANY = ("temporary", "short-wait", "long-wait", "permanent", "poison", "no-answer", "tarpit", "accepted-and-killed")
OF_PLAIN = (*OF_ANY, "raises", "raises-base", "broken-create")
OF_WEBHOOK = (*OF_ANY, "odd-answer")
DAY = 86_400
TARPITS = (4.0, 12.0, 40.0, 7_200.0)  # s that a send takes


@dataclass(frozen=True)
class Weather:
    """From `start` to `end`, in true time, a share of the sends meet a kind of fault."""

    kind: str
    start: float
    end: float
    share: float


@dataclass(frozen=True)
class Arrival:
    """One job in one message that a channel accepted."""

    job: str
    at: float
    marked: bool


@dataclass(eq=False)
class Channel:
    """`digest_after`, `statuses`, `jobs`: as in the manifest."""

    name: str
    is_webhook: bool
    digest_after: int
    statuses: Sequence[str]
    jobs: Sequence[str]
    weather: Sequence[Weather]
    create_fault: str  # "", "hangs" or the name of an exception
    random: Random
    poison: frozenset[str] = frozenset()
    arrivals: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    tried: set[str] = field(default_factory=set)  # jobs that were sent at all

    @property
    def is_healthy(self) -> bool:
        """It takes whatever comes, all the time."""
        return not self.weather and not self.create_fault and not self.poison

    def takes(self, status: str, job: str) -> bool:
        return (not self.statuses or status in self.statuses) and (not self.jobs or job[-1] in "02468")

    def fault(self, world: World, message: Message) -> str:
        """What this send meets: a kind of fault, or nothing."""
        jobs = jobs_of(message).keys()
        self.tried.update(jobs)
        if not world.faulty:
            return ""
        if self.poison & jobs:
            return "poison"
        for one in self.weather:
            if one.start <= world.scheduler.now < one.end and self.random.random() < one.share:
                return one.kind
        return ""

    def accept(self, world: World, message: Message) -> None:
        marks = jobs_of(message)
        world.say(f"{self.name} accepts {', '.join(f'{job}*' if mark else job for job, mark in marks.items())}")
        for job, marked in marks.items():
            self.arrivals[job].append(Arrival(job, world.scheduler.now, marked))


def jobs_of(message: Message) -> Mapping[str, bool]:
    """The jobs that a message reports, each with whether it says that it may be a repeat."""
    if message.kind == MessageKind.DEAD_CHANNEL:
        return {}
    if message.kind == MessageKind.DIGEST:
        return {name: one.may_be_repeat for one in message.jobs for name in JOB_NAME.findall(one.title)[:1]}
    marked = any(REPEAT in note for note in message.notes)
    return {name: marked for name in JOB_NAME.findall(message.title)[:1]}


def make_channels(plan: Plan, began: float, jobs: Sequence[str]) -> list[Channel]:
    """From two to five, the first of which is healthy, so that it shows what others cost it."""
    random = plan.random("channels")
    number = random.randint(2, 5)
    return [_channel(plan, Random(random.getrandbits(64)), began, jobs, index) for index in range(number)]


def _channel(plan: Plan, random: Random, began: float, jobs: Sequence[str], index: int) -> Channel:
    is_webhook = random.random() < 0.4
    shape = (random.choice((0, 2, 5, 5)), random.choice(((), (), (), ("FAILED",))), random.choice(((), (), (), ("*",))))
    weather: list[Weather] = []
    create_fault, poison = "", frozenset[str]()
    for kind in OF_WEBHOOK if is_webhook else OF_PLAIN:
        # A stream for each kind: without one kind the others stay as they are.
        own = Random(f"{plan.seed}/channels/{index}/{kind}")
        if index == 0 or kind not in plan.faults or own.random() < 0.3:
            continue
        if kind == "poison":
            poison = frozenset(own.sample(list(jobs), max(1, len(jobs) // 12)))
        elif kind == "broken-create":
            create_fault = own.choice(("hangs", "SystemExit", "KeyboardInterrupt", "CancelledError", "ValueError"))
        else:
            weather += _weather(kind, own, began, plan.minutes * 60.0)
    name = f"{'hook' if is_webhook else 'plain'}-{index}"
    patterns = ("*[02468]",) if shape[2] else ()
    return Channel(name, is_webhook, shape[0], shape[1], patterns, weather, create_fault, random, poison)


def _weather(kind: str, random: Random, began: float, seconds: float) -> list[Weather]:
    if random.random() < 0.4:
        return [Weather(kind, began, began + seconds, random.choice((0.2, 0.6, 1.0)))]
    starts = [began + random.random() * seconds for _ in range(random.randint(1, 3))]
    return [Weather(kind, start, start + random.uniform(10, seconds), random.choice((0.5, 1.0))) for start in starts]
