"""One run: a stack, its faults, then a world that is whole again, and the judge."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from batchbell.dispatcher.timing import Timing
from tests.simulation import notifiers, versions
from tests.simulation.aws_calls import Network
from tests.simulation.channels import Channel, make_channels
from tests.simulation.function import TIMEOUT, Function
from tests.simulation.http import Requests
from tests.simulation.judge import Judge
from tests.simulation.ledger_table import LedgerTable
from tests.simulation.manifest import Manifest
from tests.simulation.plan import Plan
from tests.simulation.scheduler import Endless, Process, Scheduler
from tests.simulation.sqs import Queue
from tests.simulation.substitutes import substituted
from tests.simulation.workload import Event, make_events

BEGAN = 1_763_608_365.0  # epoch s
QUIET_STEP = 300.0  # s
# Longer than any ticket may live after the faults, and clocks an hour apart.
PATIENCE = Timing(TIMEOUT).ticket_lifetime + 3 * 3_600.0
DUPLICATES = 0.05


@dataclass(frozen=True)
class Result:
    """`broken`: promises, each with what was seen first. `fingerprint`: the same for the same course of events."""

    plan: Plan
    broken: dict[str, str]
    fingerprint: int
    counts: Counter[str]
    trace: list[str]


# Seconds; as `components.delivery` makes the queues. Nothing receives dead letters.
VISIBILITY = {"intake": 6 * TIMEOUT, "retry": 6 * TIMEOUT + 20, "dead-letters": 6 * TIMEOUT}


class World:
    """What the parts of a run share."""

    def __init__(self, plan: Plan, tracing: bool = False, channels: Sequence[Channel] | None = None) -> None:
        self.plan, self.tracing, self.began = plan, tracing, BEGAN
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()
        self.fingerprint = 0
        self.faulty = True
        self._numbers = 0
        self.scheduler = Scheduler(BEGAN)
        self.dead_letters = self._queue("dead-letters")
        self.intake, self.retry = (self._queue(name, self.dead_letters) for name in ("intake", "retry"))
        events = make_events(plan)
        self.events = events
        if channels is None:
            channels = make_channels(plan, BEGAN, [event.job for event in events])
        self.channels = {channel.name: channel for channel in channels}
        self.manifest = Manifest.of(channels)
        self.table = LedgerTable()
        self.judge = Judge(self, events)
        self.network = Network(self)
        self.function = Function(self)
        self.scheduler.on_escape = self.judge.escaped
        self.dead_letters.on_put = self.judge.dead_letter
        for queue in (self.intake, self.retry):
            queue.on_dead = self.judge.sqs_gave_up

    @property
    def queues(self) -> Sequence[Queue]:
        return self.intake, self.retry, self.dead_letters

    def _queue(self, name: str, dead_letters: Queue | None = None) -> Queue:
        return Queue(
            name,
            lambda: self.scheduler.now,
            self.plan.random(f"queue/{name}"),
            visibility=VISIBILITY[name],
            dead_letters=dead_letters,
            any_order="reordering" in self.plan.faults,
            duplicate_share=DUPLICATES if "duplicates" in self.plan.faults and dead_letters else 0.0,
        )

    def say(self, text: str) -> None:
        """Add a line to the trace. Its length and time go into the fingerprint."""
        self.fingerprint = hash((self.fingerprint, self.scheduler.now, len(text)))
        if self.tracing:
            task = self.scheduler.current
            where = task.process.name if task else ""
            self.trace.append(f"{self.scheduler.now - BEGAN:11.3f} {where:4} {text}")

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def fault(self, service: str) -> None:
        """Note for the current invocation that a service failed."""
        task = self.scheduler.current
        invocation = self.function.active.get(task.process) if task else None
        if invocation is not None:
            invocation.faults.add(service)

    def die(self, why: str) -> None:
        """The current process ends here."""
        assert self.scheduler.current is not None
        self.function.kill(self.scheduler.current.process, why)
        self.scheduler.leave()

    def take_letter(self, process: Process, queue: str, body: str, delay: float) -> None:
        """SQS takes what the function sends."""
        body = versions.write(process.version, body)
        invocation = self.function.active.get(process)
        if queue == "retry":
            self.counts["tickets"] += 1
            self.say(f"ticket in {delay} s: {self.judge.pairs_in(body)}")
            letter = self.retry.put(body, delay)
            self.judge.ticket(letter, invocation)
            # A thread that an earlier invocation left behind posts what that one has measured.
            task = self.scheduler.current
            if invocation is not None and task is not None and task.began >= invocation.began:
                invocation.posted.append(letter)
        else:
            self.counts["dead letters"] += 1
            self.say(f"dead letter: {self.judge.pairs_in(body)}")
            self.dead_letters.put(body, delay)

    def measure(self, name: str, arguments: tuple[Any, ...]) -> None:
        task = self.scheduler.current
        invocation = self.function.active.get(task.process) if task else None
        if name == "measure_oldest" and invocation is not None:
            invocation.measured.append(arguments[0])
        if name == "measure_late" and invocation is not None:
            invocation.late = True

    def log(self, level: str, message: str, keys: dict[str, Any]) -> None:
        self.judge.log(level, message, keys)
        if level in ("warning", "error") and self.tracing:
            self.say(f"log: {message} {keys}")

    def redrive(self) -> None:
        """An operator moves the dead letters to the retry queue."""
        for letter in self.dead_letters.letters.values():
            if not self.faulty:
                letter.body = versions.read(letter.body)
        self.say(f"redrive: {self.dead_letters.move_to(self.retry)}")

    def _arrive(self, event: Event) -> None:
        self.intake.put(event.body())

    def heal(self) -> None:
        """No more faults; new processes, with the right time, of a version that reads all tickets."""
        self.say("healed")
        self.faulty = False
        self.function.deploy("current")
        for queue in (self.intake, self.retry):
            queue.duplicate_share = 0.0

    @property
    def is_quiet(self) -> bool:
        return not (self.intake.letters or self.retry.letters or self.function.active)

    def run(self) -> Result:
        notifiers.world = self
        webhook = sys.modules["batchbell.webhook"]
        requests, webhook.requests = webhook.requests, Requests(self)  # type: ignore[attr-defined]
        try:
            with substituted(self.scheduler, self.plan.random("uuid"), self.log, self.measure):
                try:
                    self._run()
                except Endless:
                    self.judge.break_promise("a run without an end", f"{self.scheduler.steps} steps")
                finally:
                    self.scheduler.close()
        finally:
            webhook.requests = requests  # type: ignore[attr-defined]
            notifiers.world = None
        return Result(self.plan, self.judge.broken, self.fingerprint, self.counts, self.trace)

    def _run(self) -> None:
        scheduler, plan = self.scheduler, self.plan
        for event in self.events:
            for copy in range(event.copies):
                scheduler.at(BEGAN + event.at + 2 * copy, partial(self._arrive, event))
        seconds = plan.minutes * 60.0
        if "deploy" in plan.faults:
            random = plan.random("deploys")
            for _ in range(random.randint(1, 4)):
                version = random.choice(("current", *versions.VERSIONS))
                scheduler.at(BEGAN + random.random() * seconds, partial(self.function.deploy, version))
        if "redrive" in plan.faults:
            random = plan.random("redrives")
            for _ in range(random.randint(1, 3)):
                scheduler.at(BEGAN + random.random() * seconds, self.redrive)
        scheduler.run(BEGAN + seconds)
        self.heal()
        self._run_until_quiet()
        self.judge.look()
        self.redrive()
        self._run_until_quiet()
        self.judge.look_after_redrive()

    def _run_until_quiet(self) -> None:
        ends = self.scheduler.now + PATIENCE
        while not self.is_quiet and self.scheduler.now < ends:
            self.scheduler.run(self.scheduler.now + QUIET_STEP)


def simulate(plan: Plan, tracing: bool = False) -> Result:
    """Run a plan.

    Meanwhile nothing is collected, which would take a fifth of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    world = World(plan, tracing)
    try:
        return world.run()
    finally:
        # Without what refers to each other, all else is freed without the collector.
        for part in (*world.queues, world.function, world):
            vars(part).clear()
        if collecting:
            gc.enable()
