"""Lambda: event source mappings, processes that are frozen between invocations, time-outs, deaths, deploys.

Source: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", "Using Lambda with SQS".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit

from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.manifest import read_manifest
from batchbell.dispatcher.timing import Timing
from tests.simulation import aws_calls
from tests.simulation.scheduler import Process
from tests.simulation.sqs import Letter, Queue, record_of

if TYPE_CHECKING:
    from tests.simulation.world import World

TIMEOUT = 30.0  # s
INIT_LIMIT = 10.0  # s that a process may take to begin; after that it begins again, in the function's own time
RECYCLED = 0.3  # of the idle processes, at each invocation
CLOCK_DIFFERENCE = 3_600.0  # s
UNCAPPED = 1_250  # invocations of a mapping without a maximum ("Configuring scaling behavior for SQS")


@dataclass(eq=False)
class Mapping:
    """Polls a queue, and invokes the function with up to `batch` records, `concurrency` times at once."""

    queue: Queue
    batch: int
    window: float
    concurrency: int
    running: int = 0
    polls_at: float | None = None


@dataclass(eq=False)
class Invocation:
    """What Lambda runs.

    faults: services that failed meanwhile
    posted: tickets
    measured: ages, as the function wrote them
    late: whether it wrote the metric that an alarm watches
    """

    number: int
    mapping: Mapping
    letters: list[Letter]
    began: float
    process: Process | None = None
    over: bool = False
    inits: int = 0
    faults: set[str] = field(default_factory=set)
    posted: list[Letter] = field(default_factory=list)
    since: dict[tuple[str, str], float] = field(default_factory=dict)  # of jobs and channels: when first tried
    measured: list[float] = field(default_factory=list)
    late: bool = False


class Function:
    """All processes of the function."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.version = "current"
        self.deployed_at = 0.0
        self.idle: list[Process] = []
        self.dispatchers: dict[Process, Dispatcher] = {}
        self.processes: list[Process] = []
        self.active: dict[Process, Invocation] = {}
        self.mappings = [Mapping(world.intake, 10, 0.0, 5), Mapping(world.retry, 100, 5.0, UNCAPPED)]
        self._random = world.plan.random("function")
        self._invocations = 0
        for mapping in self.mappings:
            mapping.queue.on_change = lambda moment, mapping=mapping: self._poll_at(mapping, moment)  # type: ignore[misc]

    def deploy(self, version: str) -> None:
        """New invocations get new processes."""
        self.world.say(f"deploy: {version}")
        self.version = version
        self.deployed_at = self.world.scheduler.now
        for process in self.idle:
            process.dead = True
        self.idle.clear()

    def kill(self, process: Process, why: str) -> None:
        """The process ends at once. The records of its invocation come back."""
        self.world.say(f"{process.name} {why}")
        process.dead = True
        invocation = self.active.pop(process, None)
        if invocation is not None:
            self._end(invocation, None, why)

    def _poll_at(self, mapping: Mapping, moment: float) -> None:
        # With a window, the mapping gathers records for so long after the first.
        moment = max(moment, self.world.scheduler.now) + mapping.window + 0.05
        if mapping.polls_at is None or moment < mapping.polls_at:
            mapping.polls_at = moment
            self.world.scheduler.at(moment, lambda: self._poll(mapping, moment))

    def _poll(self, mapping: Mapping, moment: float) -> None:
        if mapping.polls_at != moment:
            return
        mapping.polls_at = None
        while mapping.running < mapping.concurrency:
            letters = mapping.queue.receive(mapping.batch)
            if not letters:
                break
            self._invoke(mapping, letters)
        else:
            return  # the end of an invocation polls again
        if (then := mapping.queue.next_visible()) is not None:
            self._poll_at(mapping, then)

    def _invoke(self, mapping: Mapping, letters: list[Letter]) -> None:
        self._invocations += 1
        mapping.running += 1
        invocation = Invocation(self._invocations, mapping, letters, self.world.scheduler.now)
        self.world.say(f"invocation {invocation.number}: {mapping.queue.name}, {len(letters)} records")
        self.world.judge.receive(invocation)
        self._start(invocation, TIMEOUT)

    def _start(self, invocation: Invocation, seconds: float) -> None:
        process = self._take_process()
        invocation.process = process
        self.active[process] = invocation
        cold = process not in self.dispatchers
        scheduler = self.world.scheduler

        def main() -> None:
            ends = scheduler.now + seconds
            try:
                if cold:
                    self.dispatchers[process] = self._make(process)
                if not invocation.inits:
                    ends = scheduler.now + seconds  # Lambda does not count the first start of a process
                scheduler.at(ends, lambda: self._time_out(process, invocation))
                records = [record_of(one, invocation.mapping.queue) for one in invocation.letters]
                answer = self.dispatchers[process].run(records, ends - scheduler.now)
            except GreenletExit:
                raise
            except Exception as error:
                self.world.say(f"{process.name} raised {type(error).__name__}: {error}")
                self.world.judge.break_promise("the function raised", f"{type(error).__name__}: {error}")
                self._finish(process, invocation, None, "raised")
            except BaseException as error:  # ends Lambda's own loop, too
                self.kill(process, f"ended with {type(error).__name__}")
            else:
                self._finish(process, invocation, answer, "")

        if cold:
            scheduler.after(INIT_LIMIT, lambda: self._init_again(process, invocation, seconds))
        scheduler.spawn(process, main)

    def _init_again(self, process: Process, invocation: Invocation, seconds: float) -> None:
        if process.dead or invocation.over or process in self.dispatchers:
            return
        if invocation.inits:
            self.kill(process, "did not begin in time")
            return
        self.world.say(f"{process.name} did not begin in time")
        process.dead = True
        self.active.pop(process, None)
        invocation.inits += 1
        self._start(invocation, seconds)

    def _time_out(self, process: Process, invocation: Invocation) -> None:
        if self.active.get(process) is invocation:
            self.kill(process, "timed out")

    def _finish(self, process: Process, invocation: Invocation, answer: Any, why: str) -> None:
        self.active.pop(process, None)
        self.world.scheduler.freeze(process)
        if process.began >= self.deployed_at and not process.dead:
            self.idle.append(process)
        self._end(invocation, answer, why)

    def _end(self, invocation: Invocation, answer: Any, why: str) -> None:
        """Delete the records that are done with."""
        invocation.over = True
        kept = {letter.id for letter in invocation.letters}
        if answer is not None:
            named = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
            # AWS fails a whole batch if one of the names is unknown.
            kept = named if named <= kept else kept
        for letter in invocation.letters:
            returned = "SQS failed" if "sqs" in invocation.faults else "returned"
            letter.fates.append(why or (returned if letter.id in kept else "done"))
            if letter.id not in kept:
                invocation.mapping.queue.delete(letter)
        self.world.judge.end_of_invocation(invocation, kept, why)
        invocation.mapping.running -= 1
        self._poll_at(invocation.mapping, self.world.scheduler.now)

    def _take_process(self) -> Process:
        if "recycle" in self.world.plan.faults and self.world.faulty:
            for process in list(self.idle):
                if self._random.random() < RECYCLED:
                    process.dead = True
                    self.idle.remove(process)
        if self.idle:
            process = self.idle.pop(self._random.randrange(len(self.idle)))
            self.world.scheduler.thaw(process)
            return process
        ahead = 0.0
        if "clocks" in self.world.plan.faults and self.world.faulty:
            ahead = self._random.choice((0.0, 1.0, -1.0)) * self._random.random() * CLOCK_DIFFERENCE
        stops = self._random.random() < 0.5
        process = Process(f"p{len(self.processes) + 1}", self.version, ahead, stops, began=self.world.scheduler.now)
        if ahead:
            self.world.say(f"{process.name}: its clock is ahead by {ahead:.0f} s")
        self.processes.append(process)
        return process

    def _make(self, process: Process) -> Dispatcher:
        """What `batchbell.dispatcher.handler` makes when a process begins."""
        timing = Timing(TIMEOUT)
        written = read_manifest(self.world.manifest)  # type: ignore[arg-type]
        network = self.world.network
        return Dispatcher(
            instances=written.instances,
            outbox=Outbox(aws_calls.Sqs(network, process, timing.posting), "retry", "dead-letters"),
            table="ledger",
            dynamodb=aws_calls.Ledger(network, process, timing.call),
            batch=aws_calls.Batch(network, process, timing.call),
            timing=timing,
        )
