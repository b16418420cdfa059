"""The promises of delivery, and what breaks them: it looks at channels and queues, and believes nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from batchbell.dispatcher.records.receipt import HELD_UP
from batchbell.dispatcher.timing import Timing
from tests.simulation import bodies
from tests.simulation.channels import OF_PLAIN, OF_WEBHOOK
from tests.simulation.function import CLOCK_DIFFERENCE, TIMEOUT, Invocation
from tests.simulation.notifiers import SECRET
from tests.simulation.sqs import Letter
from tests.simulation.workload import Event

if TYPE_CHECKING:
    from tests.simulation.world import World

Pair = tuple[str, str]  # a job, a channel

TIMING = Timing(TIMEOUT)
SEND_LIMIT = 12.0  # s; longer than any send of a webhook may take, with what comes around it
BUDGET = TIMING.sends + 10  # s that one channel's faults may cost another, with the way to it
START = 15.0  # s from the receipt of a record until the function has it: a process begins
SOME = 60.0  # s; a measured age may be behind by a run of the function
CALM = {"done", "returned", "SQS failed"}  # ends of invocations in which the function did not die
# Versions differ in some fields of a message, and two records of one event may be looked up with different results.
VARIED = {"title", "headline", "jobs", "queue", "thread", "colour", "language", "facts", "failures", "notes"}
# Under these alone, no message may come twice, or say that it may be a repeat.
HARMLESS = {"temporary", "short-wait", "long-wait", "permanent", "poison", "look-ups", "reordering", "recycle"}


class Judge:
    """`broken`: the promises that were broken, each with what was seen first."""

    def __init__(self, world: World, events: Sequence[Event]) -> None:
        self.world = world
        self.broken: dict[str, str] = {}
        self.events = {event.job: event for event in events}
        self.jobs_by_key = {event.key: event.job for event in events}
        channels = world.channels.values()
        self._expected_of = {
            event.job: [(event.job, one.name) for one in channels if one.takes(event.status, event.job)]
            for event in events
        }
        self.expected = [pair for pairs in self._expected_of.values() for pair in pairs]
        self.messages: dict[Pair, list[Mapping[str, Any]]] = defaultdict(list)  # as tickets held them
        self.tolerance = 2 * CLOCK_DIFFERENCE if "clocks" in world.plan.faults else 0.0
        self._pairs: dict[str, Sequence[Pair]] = {}  # by body

    def break_promise(self, promise: str, what: str) -> None:
        self.world.say(f"BROKEN {promise}: {what}")
        self.broken.setdefault(promise, what)

    def receive(self, invocation: Invocation) -> None:
        now = self.world.scheduler.now
        for letter in invocation.letters:
            if letter.since is None:
                letter.since = now
            for pair in self.pairs_in(letter.body):
                invocation.since[pair] = min(letter.since, invocation.since.get(pair, now))

    def ticket(self, letter: Letter, invocation: Invocation | None) -> None:
        """The function posted it: it is as old as what the function received."""
        for pair in self.pairs_in(letter.body):
            self._keep(pair, letter.body)
            if invocation is None or pair not in invocation.since:
                continue
            letter.since = invocation.since[pair]
            self._check_wait(pair, letter)
            over = letter.visible_at - letter.since - TIMING.ticket_lifetime - TIMING.ticket_slot - START
            if over > self.tolerance:
                late = over > self.tolerance + 2 * 900
                promise = "a ticket outlived its lifetime" if late else "a ticket is due after its lifetime"
                self.break_promise(promise, f"{pair} by {over:.0f} s")

    def _check_wait(self, pair: Pair, letter: Letter) -> None:
        """What a channel asks for one message keeps no other from being tried for longer than its breaker may."""
        job, name = pair
        channel = self.world.channels[name]
        if job in channel.tried or channel.create_fault:
            return
        fields = _objects(letter.body)[0]  # a ticket's body is one object
        if fields["attempt"]:
            return
        wait = fields.get("not_before", 0.0) - self.world.scheduler.now
        if wait > TIMING.longest_breaker_pause + TIMING.ticket_slot + self.tolerance:
            self.break_promise("an untried message waits for another", f"{pair} for {wait:.0f} s")

    def dead_letter(self, letter: Letter) -> None:
        if SECRET in letter.body:
            self.break_promise("a secret was written", letter.body)
        pairs = self.pairs_in(letter.body)
        # Of an event that no notifier takes, the event is all there is to say.
        if not pairs and not any(one.get("detail", {}).get("jobName") in self.events for one in _objects(letter.body)):
            self.break_promise("a dead letter says nothing", letter.body[:300])
        fields = bodies.loads(letter.body)
        for job, name in pairs:
            if not self._is_whole((job, name), letter.body):
                self.break_promise("a dead letter lost parts of its message", letter.body[:300])
            # What SQS moved was a ticket: it holds the reason of its last attempt, and died of its receives.
            refused = "invalid" in str(fields.get("reason", "")) and not letter.source
            if refused and job not in self.world.channels[name].poison:
                self.break_promise("an innocent message died with a digest", f"{job} at {name}")

    def sqs_gave_up(self, letter: Letter) -> None:
        if "returned" in letter.fates or CALM.issuperset(letter.fates):
            self.break_promise("receives were used up without a crash", f"{letter.id}: {letter.fates}")

    def end_of_invocation(self, invocation: Invocation, kept: set[str], why: str) -> None:
        if why:
            return
        for letter in invocation.letters:
            if letter.id in kept and "sqs" not in invocation.faults:
                self.break_promise("a record came back although nothing failed", f"invocation {invocation.number}")
        seconds = self.world.scheduler.now - invocation.began
        if kept and seconds < TIMEOUT - TIMING.reserve:
            self.break_promise("a record came back with time left", f"{invocation.number} after {seconds:.1f} s")
        self._check_age(invocation)
        self._check_sockets(invocation)

    def _check_age(self, invocation: Invocation) -> None:
        now = self.world.scheduler.now
        ages = [now - letter.since for letter in invocation.posted if letter.since is not None]
        measured = max(invocation.measured, default=0.0)
        if ages and measured < max(ages) - SOME - self.tolerance:
            self.break_promise("no alarm knows of an old message", f"{max(ages):.0f} s old, measured {measured:.0f}")
        if max(ages, default=0.0) > TIMING.late_after + SOME + self.tolerance and not invocation.late:
            self.break_promise("no alarm goes off for an old message", f"{max(ages):.0f} s old")
        firsts = [letter.received_at for letter in invocation.letters if letter.received_at is not None]
        waited = invocation.began - min(firsts, default=invocation.began)
        if waited > HELD_UP + self.tolerance and not invocation.late:
            self.break_promise("no alarm goes off for a record that came back", f"first received {waited:.0f} s before")

    def _check_sockets(self, invocation: Invocation) -> None:
        process = invocation.process
        assert process is not None
        ran = process.ran_until(self.world.scheduler.now)
        old = [one for one in process.sockets.values() if not one.shut and ran - one.since > SEND_LIMIT]
        if old:
            self.break_promise("a time-out left a socket open", f"{len(old)} in {process.name}")

    def log(self, level: str, message: str, keys: Mapping[str, Any]) -> None:
        if SECRET in " ".join(map(str, (message, *keys.values()))):
            self.break_promise("a secret was written", f"{message} {keys}")

    def escaped(self, error: BaseException) -> None:
        """An exception left a thread: Python prints it, unless it is SystemExit."""
        if not isinstance(error, SystemExit) and SECRET in str(error):
            self.break_promise("a secret was written", f"a thread printed its {type(error).__name__}")

    def look(self) -> None:
        """All is quiet: each message has arrived, or is a dead letter."""
        dead: Counter[Pair] = Counter()
        for letter in self.world.dead_letters.letters.values():
            for pair in self.pairs_in(letter.body):
                dead[pair] += 1
        for pair in self.expected:
            if not self._arrivals(pair) and not dead[pair]:
                self.break_promise("a message was lost", str(pair))
            if dead[pair] > 1:
                # SQS, or the SDK's second attempt, doubled its ticket. A redrive sends the message once all the same.
                self.world.counts["second dead letters"] += dead[pair] - 1
                self.world.say(f"{dead[pair]} dead letters of {pair}")
        for queue in (self.world.intake, self.world.retry):
            if queue.letters:
                self.break_promise("a message never ends", f"{len(queue.letters)} in {queue.name}")
        self._check_repeats()
        self._check_isolation()

    def look_after_redrive(self) -> None:
        """Nothing is at fault any more, and what was dead was redriven: every message has arrived."""
        for pair in self.expected:
            if not self._arrivals(pair):
                self.break_promise("a redrive did not bring a message back", str(pair))
        self._check_repeats()

    def _check_repeats(self) -> None:
        harmless = HARMLESS.issuperset(self.world.plan.faults)
        for pair in self.expected:
            arrivals = self._arrivals(pair)
            if sum(not one.marked for one in arrivals) > 1:
                self.break_promise("a message came twice without a mark", str(pair))
            if harmless and (len(arrivals) > 1 or any(one.marked for one in arrivals)):
                self.break_promise("a message was repeated or marked without a cause", str(pair))

    def _check_isolation(self) -> None:
        """A channel's faults may cost another one send budget. Other faults may cost more."""
        own = {*OF_PLAIN, *OF_WEBHOOK} - {"accepted-and-killed"}
        if not own.issuperset(self.world.plan.faults):
            return
        for job, name in self.expected:
            if self.world.channels[name].is_healthy:
                arrivals = self._arrivals((job, name))
                late = min((one.at for one in arrivals), default=1e99) - self.world.began - self.events[job].at
                if late > BUDGET:
                    self.break_promise("a faulty channel delayed another", f"{job} at {name}: {late:.0f} s")

    def _arrivals(self, pair: Pair) -> Sequence[Any]:
        return self.world.channels[pair[1]].arrivals.get(pair[0], [])

    def pairs_in(self, body: str) -> Sequence[Pair]:
        """The messages that a record, a ticket or a dead letter stands for."""
        if body not in self._pairs:
            self._pairs[body] = tuple(self._read(body))
        return self._pairs[body]

    def _read(self, body: str) -> Iterator[Pair]:
        for fields in _objects(body):
            message, detail = fields.get("message"), fields.get("detail")
            if isinstance(message, dict) and "notifier" in fields:
                job = self.jobs_by_key.get(message.get("key", ""))
                if job is not None:
                    yield job, fields["notifier"]
            elif isinstance(detail, dict) and detail.get("jobName") in self.events:
                yield from self._expected_of[detail["jobName"]]

    def _keep(self, pair: Pair, body: str) -> None:
        for fields in _objects(body):
            if "message" in fields and fields["message"] not in self.messages[pair]:
                self.messages[pair].append(fields["message"])

    def _is_whole(self, pair: Pair, body: str) -> bool:
        """A ticket's dead letter holds a message as a ticket held it; an event's is an event of that job."""
        for fields in _objects(body):
            if "message" in fields:
                event, message = self.events[pair[0]], fields["message"]
                same = not self.messages[pair] or any(_is_same(one, message) for one in self.messages[pair])
                title = message.get("title", message.get("headline", ""))
                return same and event.job in title and event.job_id in bodies.dumps(message)
            if "detail" in fields:
                return bool(fields["detail"].get("jobArn"))
        return False


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(other.get(name) == value for name, value in one.items() if name not in VARIED)


@lru_cache(maxsize=1_000)
def _objects(body: str) -> Sequence[Mapping[str, Any]]:
    """The objects in a body that may be a ticket or an event: itself, what it keeps, also as a text."""
    try:
        return list(_objects_in(bodies.loads(body)))
    except ValueError:
        return []


def _objects_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(value, dict):
        return
    if "message" in value or "detail" in value:
        yield value
        return
    for inner in value.values():
        if isinstance(inner, dict):
            yield from _objects_in(inner)
        elif isinstance(inner, str) and inner.startswith("{"):
            yield from _objects(inner)
