"""Are the models right? The same scenario gives the same account in the simulated world and on local AWS."""

from __future__ import annotations

import json
import time
import types
import uuid
from typing import Any

from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.manifest import read_manifest
from batchbell.dispatcher.timing import Timing
from tests.dispatcher.conftest import table as table
from tests.simulation import notifiers
from tests.simulation.function import Function
from tests.simulation.manifest import Manifest
from tests.simulation.plan import Plan
from tests.simulation.scripted import Scenario
from tests.simulation.world import QUIET_STEP, World
from tests.waiting import wait_until

SECONDS = 6.0  # the function's timeout on local AWS
SEEDS = range(5)
VISIBILITY = 8  # s; longer than an invocation
COUNTS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
]


class ScriptedFunction(Function):
    """The answer of its first invocation is lost, so that the records come back."""

    def __init__(self, world, scenario):
        super().__init__(world)
        self.scenario = scenario

    def _make(self, process):
        return self.scenario.disturb(super()._make(process))

    def _end(self, invocation, answer, why):
        if invocation.number == 1:
            answer, why = None, "its answer was lost"
        super()._end(invocation, answer, why)


class ScriptedWorld(World):
    """Its only faults are those of the scenario."""

    def __init__(self, scenario):
        self.scenario = scenario
        super().__init__(Plan(scenario.seed), channels=scenario.channels())
        self.function = ScriptedFunction(self, scenario)
        self.function.mappings[0].concurrency = self.function.mappings[1].concurrency = 1

    def _run(self):
        for body in self.scenario.bodies():
            self.intake.put(body)
        while not self.is_quiet:
            self.scheduler.run(self.scheduler.now + QUIET_STEP)


class LocalStack:
    """The same dispatcher over queues and a table of local AWS. This polls them, and does what Lambda would do."""

    def __init__(self, cloud, table, scenario):
        self.sqs, self.scenario = cloud.client("sqs"), scenario
        self.dead = self._queue("dead")
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        self.intake, self.retry = (self._queue(name, RedrivePolicy=policy) for name in ("intake", "retry"))
        self.channels = {channel.name: channel for channel in scenario.channels()}
        world: Any = types.SimpleNamespace(
            channels=self.channels,
            faulty=False,
            say=lambda text: None,
            scheduler=types.SimpleNamespace(wait=lambda seconds: None, now=0.0),
        )
        notifiers.world = world
        written: Any = Manifest.of(list(self.channels.values()))
        dispatcher = Dispatcher(
            instances=read_manifest(written).instances,
            outbox=Outbox(self.sqs, self.retry, self.dead),
            table=table,
            dynamodb=cloud.client("dynamodb"),
            batch=cloud.client("batch"),
            timing=Timing(SECONDS),
        )
        self.dispatcher = scenario.disturb(dispatcher)
        self.answers = 0
        self.is_over, self.next_look = False, 0.0

    def _queue(self, name, **attributes):
        attributes = {"VisibilityTimeout": str(VISIBILITY), **attributes}
        return self.sqs.create_queue(QueueName=f"{name}-{uuid.uuid4().hex[:8]}", Attributes=attributes)["QueueUrl"]

    def begin(self):
        for body in self.scenario.bodies():
            self.sqs.send_message(QueueUrl=self.intake, MessageBody=body)

    def account(self):
        return self.scenario.account(self.channels.values(), self._dead_letters())

    def go_on(self):
        """Handle what is in the queues, if the last look was a second ago. Returns whether they are empty for good."""
        if self.is_over or time.monotonic() < self.next_look:
            return self.is_over
        self.next_look = time.monotonic() + 1
        for url in (self.intake, self.retry):
            while letters := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                self._invoke(url, letters)
        self.is_over = not sum(map(self._left, (self.intake, self.retry)))
        return self.is_over

    def _left(self, url):
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
        return sum(int(attributes[name]) for name in COUNTS)

    def _invoke(self, url, letters):
        records = [{"messageId": letter["MessageId"], "body": letter["Body"]} for letter in letters]
        answer = self.dispatcher.run(records, SECONDS)
        self.answers += 1
        if self.answers == 1:
            return  # it is lost
        kept = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        for letter in letters:
            if letter["MessageId"] not in kept:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])

    def _dead_letters(self):
        bodies = []
        while letters := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages"):
            bodies += [letter["Body"] for letter in letters]
        return bodies


def simulated(scenario):
    world = ScriptedWorld(scenario)
    world.run()
    return scenario.account(world.channels.values(), [one.body for one in world.dead_letters.letters.values()])


def test_a_scenario_gives_the_same_account_in_the_simulation_and_on_local_aws(cloud, table, monkeypatch):
    scenarios = [Scenario.of(seed) for seed in SEEDS]
    expected = list(map(simulated, scenarios))
    monkeypatch.setattr(notifiers, "world", None)
    stacks = [LocalStack(cloud, table, scenario) for scenario in scenarios]
    for stack in stacks:
        stack.begin()
    wait_until(lambda: all([stack.go_on() for stack in stacks]), "all messages arrived or dead", timeout=90.0)
    assert [stack.account() for stack in stacks] == expected


def test_the_accounts_have_repeats_with_a_mark_and_dead_letters():
    for account in map(simulated, map(Scenario.of, SEEDS)):
        assert (1, 0) in account.arrived.values() and (1, 1) in account.arrived.values()
        assert any("plain-3" in place for place in account.dead)
        assert ("unreadable", "") in account.dead
        assert len({*account.arrived, *account.dead}) == 4 * 12 + 1
