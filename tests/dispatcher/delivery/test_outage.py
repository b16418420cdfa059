"""An hour without one channel, on a clock that the test moves.

The dispatcher and the ledger are real. The ledger's table is a model (`tests/simulation`: test_local_aws.py compares it
with local AWS), and the queues keep SQS's promises on that clock (delays, deletion after success).
"""

from __future__ import annotations

import heapq
import itertools
import json
import time
import uuid

import pytest

from batchbell.contract import TemporaryError
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.timing import Timing
from tests.dispatcher.watch.world import Table

HOUR = 3600.0
RETRY_BATCH = 100


class Channel:
    def __init__(self, clock):
        self.clock, self.got, self.attempts, self.down = clock, [], [], None

    def send(self, message):
        self.attempts.append(self.clock())
        if self.down is not None:
            raise self.down
        self.got.append((self.clock(), message))

    def delivered(self):
        """(when, title) of each job, alone or in a digest, without announcements of a dead channel."""
        return [
            (when, title)
            for when, message in self.got
            if message.kind != "dead-channel"
            for title in ([entry.title for entry in message.jobs] or [message.title])
        ]


class Queues:
    """Keeps what `Outbox` sends: tickets by the time when they are due, and dead letters."""

    def __init__(self, clock):
        self.clock, self.waiting, self.dead, self.number = clock, [], [], itertools.count()

    def send_message_batch(self, QueueUrl, Entries):
        for entry in Entries:
            if QueueUrl == "dead":
                self.dead.append(json.loads(entry["MessageBody"]))
            else:
                due = self.clock() + entry["DelaySeconds"]
                heapq.heappush(self.waiting, (due, next(self.number), entry["MessageBody"]))
        return {"Failed": []}

    def take(self, limit):
        batch: list[str] = []
        while self.waiting and self.waiting[0][0] <= self.clock() and len(batch) < limit:
            batch.append(heapq.heappop(self.waiting)[2])
        return batch


@pytest.fixture
def world(clock):
    class World:
        def __init__(self, **digest_after):
            self.queues = Queues(clock.now)
            self.channels = {name: Channel(clock.now) for name in digest_after}
            self.start = clock.now()
            self.dispatcher = Dispatcher(
                instances=[
                    Instance(name, self.channels[name], digest_after=number) for name, number in digest_after.items()
                ],
                outbox=Outbox(self.queues, "retry", "dead"),
                table="ledger",
                dynamodb=Table(),
                batch=None,
                timing=Timing(),
            )

        def invoke(self, bodies):
            records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
            assert self.dispatcher.run(records, 30.0) == {"batchItemFailures": []}

        def pass_time(self, seconds):
            """Move the clock to that time; the function gets each ticket when it is due."""
            ends = clock.now() + seconds
            while True:
                due = self.queues.waiting[0][0] if self.queues.waiting else ends
                clock.move(max(0.0, min(due, ends) - clock.now()))
                if due >= ends:
                    return
                if batch := self.queues.take(RETRY_BATCH):
                    self.invoke(batch)

    return World


@pytest.fixture
def finished(event):
    def make(number):
        job = str(uuid.uuid4())
        arn = f"arn:aws:batch:us-east-1:123456789012:job/{job}"
        return json.dumps(event("parent-succeeded", jobId=job, jobArn=arn, jobName=f"job-{number}"))

    return make


@pytest.mark.parametrize(
    "down",
    [TemporaryError("refused"), TemporaryError("503", retry_after=120), TemporaryError("429", retry_after=1800)],
    ids=["refuses", "asks to wait two minutes", "asks to wait half an hour"],
)
def test_after_an_hour_without_one_channel_all_is_delivered_and_no_other_channel_is_late(world, finished, down):
    stack = world(ops=5, team=5, topic=0)
    stack.channels["ops"].down = down
    for number in range(24):  # two jobs every five minutes
        arrived = time.time()
        stack.invoke([finished(2 * number), finished(2 * number + 1)])
        for name in ("team", "topic"):
            delivered = stack.channels[name].delivered()
            assert len(delivered) == 2 * number + 2
            assert delivered[-1][0] - arrived < Timing().sends
        stack.pass_time(300)
        if number == 11:
            stack.channels["ops"].down = None
    stack.pass_time(HOUR)

    ops = stack.channels["ops"].delivered()
    assert stack.queues.dead == []
    assert stack.queues.waiting == []
    assert len(ops) == len({title for _, title in ops}) == 48
    for name in ("team", "topic"):
        assert len({title for _, title in stack.channels[name].delivered()}) == 48
        assert len(stack.channels[name].delivered()) == 48
    slowest = max(when for when, title in ops if int(title.split(" ")[0].removeprefix("job-")) < 24)
    assert (slowest - stack.start) / HOUR < (1.6 if down.reason == "429" else 1.3)
    assert len(stack.channels["ops"].attempts) < 48 + 24 * 12


def test_after_four_hours_a_message_is_a_dead_letter_and_the_last_attempt_was_after_three_and_a_half(world, finished):
    stack = world(ops=5)
    ops = stack.channels["ops"]
    ops.down = TemporaryError("refused")
    attempts = ops.attempts
    stack.invoke([finished(1)])
    stack.pass_time(5 * HOUR)

    (dead,) = stack.queues.dead
    assert dead["reason"] == "refused"
    assert (dead["died"] - dead["first_tried"]) / HOUR == pytest.approx(4, abs=0.3)
    assert 15 <= len(attempts) <= 25
    assert attempts[1] - attempts[0] < 60
    assert 3.5 < (attempts[-1] - attempts[0]) / HOUR < 4.4
