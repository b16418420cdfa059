"""One invocation with local AWS's own queues and ledger, and channels that misbehave as told."""

from __future__ import annotations

import json
import socket
import time
import uuid
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from batchbell.contract import PermanentError, TemporaryError
from batchbell.dispatcher.fan_out import MAY_BE_A_REPEAT
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.outbox import Outbox
from batchbell.dispatcher.timing import Timing

LONG_ARN = "arn:aws:batch:us-east-1:123456789012:job/" + "x" * 5_000  # longer than the ledger's keys


class Channel:
    def __init__(self, *errors):
        self.errors, self.got = list(errors), []

    def send(self, message):
        if self.errors:
            raise self.errors.pop(0)
        self.got.append(message)


@pytest.fixture
def stack(cloud, table):
    """A dispatcher over new queues; `bodies("dead")` takes what is in one of them."""

    class Stack:
        def __init__(self, **channels):
            sqs = cloud.client("sqs")
            self.urls = {
                name: sqs.create_queue(QueueName=f"{name}-{uuid.uuid4().hex[:8]}")["QueueUrl"]
                for name in ("retry", "dead")
            }
            self.dispatcher = Dispatcher(
                instances=[Instance(name, channel) for name, channel in channels.items()],
                outbox=Outbox(sqs, self.urls["retry"], self.urls["dead"]),
                table=table,
                dynamodb=cloud.client("dynamodb"),
                batch=cloud.client("batch"),
                timing=Timing(6),
            )

        def run(self, *bodies, seconds=6.0):
            texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
            records = [{"messageId": str(number), "body": text} for number, text in enumerate(texts)]
            answer = self.dispatcher.run(records, seconds)
            return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

        def bodies(self, name):
            sqs, url, found = cloud.client("sqs"), self.urls[name], []
            while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                found += [json.loads(message["Body"]) for message in messages]
            return found

        def tickets(self):
            """How many are in the retry queue, those that wait there too."""
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
            answer = cloud.client("sqs").get_queue_attributes(QueueUrl=self.urls["retry"], AttributeNames=names)
            return sum(int(answer["Attributes"][name]) for name in names)

    return Stack


@pytest.fixture
def finished(event):
    def make(status="succeeded", **detail):
        job = str(uuid.uuid4())
        arn = f"arn:aws:batch:us-east-1:123456789012:job/{job}"
        return event(f"parent-{status}", **{"jobId": job, "jobArn": arn} | detail)

    return make


def test_two_records_of_one_job_are_one_message_and_one_ticket(stack, finished):
    event = finished()
    ops, team = Channel(TemporaryError("no answer", maybe_delivered=True)), Channel()
    invocation = stack(ops=ops, team=team)

    assert invocation.run(event, event | {"id": "again"}) == []
    assert (len(ops.got), len(team.got)) == (0, 1)
    assert invocation.tickets() == 1


def test_every_record_of_a_ticket_that_sqs_does_not_take_stays(stack, finished):
    event = finished()
    invocation = stack(ops=Channel(TemporaryError("busy")), team=Channel())
    nowhere = replace(invocation.dispatcher.outbox, retry_url=invocation.urls["retry"] + "-gone")
    invocation.dispatcher = replace(invocation.dispatcher, outbox=nowhere)

    assert invocation.run(event, finished(), event) == ["0", "2"]


def test_one_odd_record_takes_no_other_with_it(stack, finished):
    ops = Channel()
    invocation = stack(ops=ops)
    odd = {"ticket": 1, "message": {}, "notifier": "ops", "reason": "", "first_tried": 1, "attempt": 1e400}

    assert invocation.run(odd, finished(), "[" * 100_000, finished(jobArn=LONG_ARN)) == []
    assert len(ops.got) == 1
    assert len(invocation.bodies("dead")) == 3


def test_a_ticket_is_sent_to_its_notifier_alone(stack, finished):
    event = finished()
    first = stack(ops=Channel(PermanentError("no such channel")), team=Channel())
    first.run(event)
    (dead,) = first.bodies("dead")
    ops, team = Channel(), Channel()
    second = stack(ops=ops, team=team)
    second.run(dead)

    assert (dead["notifier"], dead["reason"]) == ("ops", "no such channel")
    assert (len(ops.got), len(team.got)) == (1, 0)
    assert MAY_BE_A_REPEAT not in ops.got[0].notes


def test_a_ticket_for_a_notifier_that_the_stack_no_longer_has_is_a_dead_letter(stack, finished):
    first = stack(ops=Channel(PermanentError("gone")))
    first.run(finished())
    (dead,) = first.bodies("dead")
    second = stack(team=Channel())
    second.run(dead)

    assert second.bodies("dead")[0]["reason"] == "the stack has no notifier ops any more"


def test_a_ticket_that_is_four_hours_old_is_a_dead_letter(stack, finished):
    first = stack(ops=Channel(PermanentError("gone")))
    first.run(finished())
    ticket = first.bodies("dead")[0]
    del ticket["died"]
    lifetime = Timing(6).ticket_lifetime
    second = stack(ops=Channel(TemporaryError("busy"), TemporaryError("busy")))
    second.run(ticket | {"first_tried": time.time() - lifetime - 5})

    assert second.bodies("dead")[0]["reason"] == "busy"


def test_what_a_channel_asked_to_wait_is_kept_beyond_a_queues_longest_delay(stack, finished):
    first = stack(ops=Channel(PermanentError("gone")))
    first.run(finished())
    ticket = first.bodies("dead")[0]
    del ticket["died"]
    ops = Channel()
    second = stack(ops=ops)
    second.run(ticket | {"first_tried": time.time(), "not_before": time.time() + 3_600})

    assert (ops.got, second.tickets(), second.bodies("dead")) == ([], 1, [])


def test_a_job_that_no_notifier_takes_is_done(stack, finished):
    invocation = stack()

    assert invocation.run(finished()) == []
    assert invocation.bodies("dead") == []


@pytest.fixture
def hanging():
    """A boto3 client maker whose endpoint takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:

        def make(service, read_timeout):
            return boto3.client(
                service,
                endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}",
                region_name="us-east-1",
                aws_access_key_id="x",
                aws_secret_access_key="x",
                config=Config(connect_timeout=1, read_timeout=read_timeout, retries={"total_max_attempts": 1}),
            )

        yield make


@pytest.mark.parametrize("service", ["sqs", "dynamodb", "batch"])
def test_an_invocation_ends_by_itself_when_a_part_of_aws_hangs(stack, finished, hanging, service):
    invocation = stack(ops=Channel(), team=Channel())
    client = hanging(service, Timing(6).call)
    part = {"outbox": Outbox(client, "http://127.0.0.1/retry", "http://127.0.0.1/dead")} if service == "sqs" else {}
    invocation.dispatcher = replace(invocation.dispatcher, **part or {service: client})
    start = time.monotonic()
    stay = invocation.run(*[finished("failed") for _ in range(4)], *["not JSON"] * 40, seconds=6.0)

    assert time.monotonic() - start < 6
    assert len(stay) == (40 if service == "sqs" else 0)
