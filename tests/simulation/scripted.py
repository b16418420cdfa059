"""A small scenario whose faults depend on the message alone, so that it gives the same account in any world.

It is played in the simulated world, and against the queues and the table of local AWS.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

from batchbell.contract import Message
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from tests.simulation.channels import Channel, jobs_of
from tests.simulation.ledger_table import error
from tests.simulation.workload import Event

if TYPE_CHECKING:
    from tests.simulation.world import World

UNREADABLE = json.dumps({"ticket": 1, "notifier": "plain-0", "headline": "of a version to come"})
FIRST_SEND = ("temporary", "no-answer")  # the next send is taken
FAULTS = ("", "", *FIRST_SEND, "permanent")
REFUSED_POSTS = 2  # calls that SQS refuses


@dataclass(frozen=True)
class Account:
    """What each channel got of each job: without a mark, with one. `dead`: jobs and channels with a dead letter."""

    arrived: Mapping[tuple[str, str], tuple[int, int]]
    dead: frozenset[tuple[str, str]]  # how many copies depends on which records came back


@dataclass(eq=False)
class ScriptedChannel(Channel):
    """`script`: the fault of each job."""

    script: Mapping[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def fault(self, world: World, message: Message) -> str:
        jobs = jobs_of(message)
        self.seen.update(jobs.keys())
        self.random = Random(f"{self.name}/{sorted(jobs)}")
        if self.poison & jobs.keys():
            return "poison"
        if len(jobs) != 1:
            return ""
        (job,) = jobs
        kind = self.script.get(job, "")
        return "" if kind in FIRST_SEND and self.seen[job] > 1 else kind


@dataclass(frozen=True)
class Scenario:
    """`throttled`: keys of messages whose first claim the ledger throttles."""

    seed: int
    events: Sequence[Event]
    throttled: frozenset[str]

    @classmethod
    def of(cls, seed: int, jobs: int = 12) -> Scenario:
        """Each seed has jobs of its own, so that scenarios can share a table."""
        random = Random(f"{seed}/scenario")
        events = [
            Event(f"sim-{number}", random.choice(("SUCCEEDED", "FAILED")), 0.0, random.choice((1, 1, 2)))
            for number in range(1_000 * (seed + 1), 1_000 * (seed + 1) + jobs)
        ]
        return cls(seed, events, frozenset(event.key for event in random.sample(events, jobs // 4)))

    def channels(self) -> Sequence[ScriptedChannel]:
        """Three with faults for single messages, and one that gets digests and refuses those with one job in them."""
        names = [event.job for event in self.events]
        random = Random(f"{self.seed}/scripts")
        scripts = [{job: random.choice(FAULTS) for job in names} for _ in range(3)]
        poison = frozenset(random.sample(names, 1))
        return [
            *(
                ScriptedChannel(f"plain-{number}", False, 0, (), (), (), "", Random(0), script=script)
                for number, script in enumerate(scripts)
            ),
            ScriptedChannel("plain-3", False, 2, (), (), (), "", Random(0), poison),
        ]

    def bodies(self) -> Sequence[str]:
        """What comes into the intake queue. Some events come twice."""
        return [*(event.body() for event in self.events for _ in range(event.copies)), UNREADABLE]

    def disturb(self, dispatcher: Dispatcher) -> Dispatcher:
        """Let SQS and the ledger refuse the first calls of the dispatcher."""
        outbox = dispatcher.outbox
        refusing = Refusing(outbox.client, REFUSED_POSTS)
        return replace(
            dispatcher,
            outbox=Outbox(refusing, outbox.retry_url, outbox.dead_letter_url),
            dynamodb=Throttling(dispatcher.dynamodb, set(self.throttled)),
        )

    def account(self, channels: Iterable[Channel], dead_letters: Iterable[str]) -> Account:
        jobs = {event.key: event.job for event in self.events}
        arrived = {
            (job, channel.name): (
                sum(not one.marked for one in arrivals),
                sum(one.marked for one in arrivals),
            )
            for channel in channels
            for job, arrivals in channel.arrivals.items()
        }
        dead = frozenset(_place(json.loads(body), jobs) for body in dead_letters)
        return Account(arrived, dead)


def _place(fields: Mapping[str, Any], jobs: Mapping[str, str]) -> tuple[str, str]:
    return ("unreadable", "") if "unreadable" in fields else (jobs[fields["message"]["key"]], fields["notifier"])


@dataclass(eq=False)
class Refusing:
    """SQS's client; SQS refuses the first calls."""

    client: Any
    left: int

    def send_message_batch(self, **request: Any) -> Any:
        if self.left:
            self.left -= 1
            raise error("InternalError", "SendMessageBatch")
        return self.client.send_message_batch(**request)


@dataclass(eq=False)
class Throttling:
    """DynamoDB's client; the first write of some messages is throttled."""

    client: Any
    left: set[str]

    def update_item(self, **request: Any) -> Any:
        key = request["Key"]["message"]["S"]
        if key in self.left:
            self.left.remove(key)
            raise error("ProvisionedThroughputExceededException", "UpdateItem")
        return self.client.update_item(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)
