"""One invocation with local AWS's own queues and ledger, and channels that misbehave on demand."""

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
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.delivery.sender import MAY_BE_A_REPEAT
from batchbell.dispatcher.timing import Timing
from tests.waiting import within

LONG_ARN = "arn:aws:batch:us-east-1:123456789012:job/" + "x" * 5_000  # longer than the ledger's keys


class Channel:
    def __init__(self, *errors):
        self.errors, self.got = list(errors), []

    def send(self, message):
        if self.errors:
            raise self.errors.pop(0)
        self.got.append(message)


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


def test_every_record_of_a_ticket_that_sqs_refuses_stays(stack, finished):
    event = finished()
    invocation = stack(ops=Channel(TemporaryError("busy")), team=Channel())
    nowhere = replace(invocation.dispatcher.outbox, retry_url=invocation.urls["retry"] + "-gone")
    invocation.dispatcher = replace(invocation.dispatcher, outbox=nowhere)

    assert invocation.run(event, finished(), event) == ["0", "2"]


def test_one_unreadable_record_does_not_stop_the_others(stack, finished):
    ops = Channel()
    invocation = stack(ops=ops)
    odd = {"ticket": 1, "message": {}, "notifier": "ops", "reason": "", "first_tried": 1, "attempt": 1e400}

    assert invocation.run(odd, finished(), "[" * 100_000, finished(jobArn=LONG_ARN)) == []
    assert len(ops.got) == 1
    assert len(invocation.bodies("dead")) == 3


def test_a_ticket_is_sent_only_to_its_notifier(stack, finished):
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

    assert second.bodies("dead")[0]["reason"] == "the stack has no notifier ops"


def test_a_ticket_that_is_four_hours_old_is_a_dead_letter(stack, finished):
    first = stack(ops=Channel(PermanentError("gone")))
    first.run(finished())
    ticket = first.bodies("dead")[0]
    del ticket["died"]
    lifetime = Timing(6).ticket_lifetime
    second = stack(ops=Channel(TemporaryError("busy"), TemporaryError("busy")))
    second.run(ticket | {"first_tried": time.time() - lifetime - 5})

    assert second.bodies("dead")[0]["reason"] == "busy"


@pytest.fixture
def ticket(stack, finished):
    """A new ticket for `ops`."""
    first = stack(ops=Channel(PermanentError("gone")))
    first.run(finished())
    (body,) = first.bodies("dead")
    del body["died"]
    return body | {"first_tried": time.time()}


def test_a_long_retry_after_outlives_a_queues_longest_delay(stack, ticket):
    ops = Channel()
    second = stack(ops=ops)
    second.run(ticket | {"not_before": time.time() + 3_600})

    assert (ops.got, second.tickets(), second.bodies("dead")) == ([], 1, [])


@pytest.mark.parametrize("wait", [86_400, 1e9, 1e308])
def test_a_channel_that_asks_for_longer_than_a_message_lives_gets_it_until_then_and_not_later(
    stack, finished, clock, caplog, wait
):
    """The invocations of four hours, one each time the ticket comes back: SQS's longest delay is 15 minutes."""
    lifetime, began = Timing(6).ticket_lifetime, time.time()
    ops = Channel(*[TemporaryError("503", retry_after=wait)] * 99)
    invocation = stack(ops=ops)
    invocation.run(finished())
    caplog.set_level("INFO")
    caplog.clear()
    while bodies := invocation.posted():
        clock.move(min(900, lifetime / 4))
        invocation.run(*bodies)
        assert len(ages(caplog)) < 99

    (dead,) = invocation.bodies("dead")
    assert dead["reason"] == "503"
    assert dead["died"] - began < lifetime + 901
    assert ages(caplog) == sorted(ages(caplog))
    assert len(ages(caplog)) >= 3
    assert len(ops.errors) == 97  # tried when it came, and when its time was over


def test_two_early_tickets_for_one_message_become_one_with_the_older_ones_age(stack, ticket):
    now = time.time()
    first, second = ticket | {"first_tried": now - 60, "not_before": now + 500}, ticket | {"not_before": now + 400}
    invocation = stack(ops=Channel())
    assert invocation.run(first, second) == []
    (posted,) = invocation.posted()

    assert (posted["first_tried"], posted["not_before"]) == (first["first_tried"], second["not_before"])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_several_tickets_for_one_message_the_one_that_is_due_is_sent_for_those_that_are_early(stack, ticket, order):
    now = time.time()
    due = ticket | {"first_tried": now - 60, "not_before": 0}
    early = ticket | {"not_before": now + 500}
    copies = [due, early, early | {"first_tried": now - 90, "attempt": 2}]
    ops = Channel()
    invocation = stack(ops=ops)

    assert invocation.run(*(copies[number] for number in order)) == []
    assert (len(ops.got), invocation.posted(), invocation.bodies("dead")) == (1, [], [])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_ticket_that_is_refused_beside_an_early_one_leaves_one_with_the_older_ones_age(stack, ticket, order):
    now = time.time()
    due = ticket | {"first_tried": now - 60, "attempt": 3, "not_before": 0}
    early = ticket | {"first_tried": now - 90, "not_before": now + 500}
    copies = [due, early]
    invocation = stack(ops=Channel(TemporaryError("busy")))

    assert invocation.run(*(copies[number] for number in order)) == []
    (posted,) = invocation.posted()
    assert (posted["first_tried"], posted["attempt"], posted["reason"]) == (now - 90, 4, "busy")
    assert posted["not_before"] < now + 500


def test_an_early_ticket_whose_time_is_over_is_tried_once_more(stack, ticket):
    ops = Channel(TemporaryError("busy"))
    second = stack(ops=ops)
    old = time.time() - Timing(6).ticket_lifetime - 5
    second.run(ticket | {"first_tried": old, "not_before": time.time() + 3_600})

    assert (ops.errors, second.tickets(), len(second.bodies("dead"))) == ([], 0, 1)


def test_the_record_of_a_job_that_no_notifier_takes_is_deleted(stack, finished):
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
    with within(6):
        stay = invocation.run(*[finished("failed") for _ in range(4)], *["not JSON"] * 40, seconds=6.0)

    assert len(stay) == (40 if service == "sqs" else 0)


def test_a_dead_channel_is_announced_once_on_the_others_despite_filters(stack, finished):
    name = f"ops-{uuid.uuid4().hex[:6]}"
    dead = Channel(*[PermanentError("404 no_service") for _ in range(9)])
    team, other, hung = Channel(), Channel(TemporaryError("busy")), Channel()
    invocation = stack(**{name: dead, "team": team, "other": other, "hung": hung})
    invocation.dispatcher = replace(
        invocation.dispatcher,
        instances=[
            replace(one, jobs=() if one.name == name else ("no-such-job",)) for one in invocation.dispatcher.instances
        ],
    )
    for _ in range(2):
        invocation.run(finished())
    assert team.got == []
    invocation.dispatcher.breakers["hung"].open_until = time.time() + 60
    for _ in range(2):
        invocation.run(finished())

    assert [message.title for message in team.got] == [f"Notifier {name} does not deliver"]
    assert ("Reason", "404 no_service") in [(fact.label, fact.value) for fact in team.got[0].facts]
    assert other.got == hung.got == []  # best effort: what one channel did not take has no ticket
    assert invocation.tickets() == 0
    assert len(invocation.bodies("dead")) == 4


def test_a_hung_channel_does_not_delay_the_next_invocations(stack, finished):
    class Hanging(Channel):
        def send(self, message):
            self.got.append(message)
            time.sleep(30)

    slow, team = Hanging(), Channel()
    invocation = stack(slow=slow, team=team)
    invocation.run(finished(), seconds=3.0)
    with within(2):
        invocation.run(finished(), finished())

    assert (len(slow.got), len(team.got)) == (1, 3)
    assert invocation.tickets() == 3


class Asked:
    """AWS Batch, with the jobs whose failures were looked up."""

    def __init__(self, client):
        self.client, self.jobs = client, []

    def list_jobs(self, **arguments):
        self.jobs.append(arguments["arrayJobId"])
        return self.client.list_jobs(**arguments)


@pytest.fixture
def looked_up(stack):
    """Runs records with notifiers of which each has its own limit; gives the number of look-ups."""

    def run(bodies, **digest_after):
        invocation = stack(**{name: Channel() for name in digest_after})
        batch = Asked(invocation.dispatcher.batch)
        instances = [replace(one, digest_after=digest_after[one.name]) for one in invocation.dispatcher.instances]
        invocation.dispatcher = replace(invocation.dispatcher, batch=batch, instances=instances)
        invocation.run(*bodies)
        return len(batch.jobs)

    return run


def test_a_digest_looks_nothing_up_and_a_message_of_its_own_does(finished, looked_up):
    def jobs():
        return [finished("failed") for _ in range(4)]

    assert looked_up(jobs(), ops=3) == 0
    assert looked_up(jobs(), ops=4) == 4
    assert looked_up(jobs(), ops=3, topic=0) == 4


def test_tickets_count_towards_a_digest(stack, finished, looked_up):
    first = stack(ops=Channel(*[PermanentError("gone")] * 3))
    first.run(*[finished() for _ in range(3)])
    tickets = first.bodies("dead")

    assert looked_up([finished("failed"), *tickets], ops=3) == 0


def test_the_tickets_of_a_digest_say_that_nothing_was_looked_up(stack, finished):
    invocation = stack(ops=Channel(PermanentError("gone", every_message=True)))
    (instance,) = invocation.dispatcher.instances
    invocation.dispatcher = replace(invocation.dispatcher, instances=[replace(instance, digest_after=3)])
    invocation.run(*[finished("failed") for _ in range(4)])

    dead = invocation.bodies("dead")
    assert len(dead) == 4
    assert all("many jobs finished at the same time" in letter["message"]["notes"][0] for letter in dead)


def test_an_old_ticket_is_not_taken_for_a_redriven_one(stack, ticket):
    """It was in a queue that nobody polled, or SQS dead-lettered it: it is tried, and then dead, with the mark."""
    old = ticket | {"first_tried": time.time() - 14 * 86_400}
    second = stack(ops=Channel(TemporaryError("busy")))
    second.run(old)
    (dead,) = second.bodies("dead")
    third = stack(ops=Channel(TemporaryError("busy")))
    third.run(dead)

    assert (second.tickets(), third.tickets(), third.bodies("dead")) == (0, 1, [])


def test_a_ticket_that_cannot_be_read_is_kept_whole_and_a_redrive_brings_it_back(stack, ticket):
    of_a_later_version = ticket | {"ticket": 9, "message": {"body": ticket["message"]}}
    invocation = stack(ops=Channel())
    invocation.run(of_a_later_version)
    (dead,) = invocation.bodies("dead")
    assert dead["record"] == of_a_later_version

    ops = Channel()
    stack(ops=ops).run(dead | {"record": ticket})
    assert len(ops.got) == 1


def ages(caplog):
    """The ages of the oldest undelivered message, as the log has them."""
    return [record.oldest_undelivered for record in caplog.records if record.message == "undelivered"]


def late(capfd):
    """What CloudWatch would read from the log: the values of the one metric."""
    found = []
    for line in capfd.readouterr().out.splitlines():
        if line.startswith("{") and "_aws" in (record := json.loads(line)):
            (directive,) = record["_aws"]["CloudWatchMetrics"]
            assert (directive["Namespace"], directive["Dimensions"]) == ("batchbell", [["service"]])
            assert [metric["Name"] for metric in directive["Metrics"]] == ["Late"]
            found += record["Late"]
    return found


def test_the_log_has_what_each_notifier_sent_and_how_long_it_took(stack, finished, caplog):
    caplog.set_level("INFO")
    invocation = stack(ops=Channel(), team=Channel(TemporaryError("busy")), gone=Channel(PermanentError("404")))
    invocation.run(finished())
    lines = {record.notifier: record for record in caplog.records if record.message == "sends"}

    assert {name: line.outcomes for name, line in lines.items()} == {
        "ops": {"Sent": 1},
        "team": {"Temporary": 1},
        "gone": {"Permanent": 1},
    }
    assert all(line.attempts == 1 and 0 <= line.slowest == line.seconds for line in lines.values())


def test_the_age_of_the_oldest_undelivered_message_is_in_the_log_and_there_is_none_without_one(
    stack, finished, ticket, caplog
):
    caplog.set_level("INFO")
    busy = Channel(TemporaryError("busy"), TemporaryError("busy"))
    stack(ops=busy).run(ticket | {"first_tried": time.time() - 500, "not_before": time.time() - 1}, finished())
    assert ages(caplog) == [pytest.approx(500, abs=5)]

    caplog.clear()
    stack(ops=Channel()).run(finished())
    assert ages(caplog) == []


@pytest.mark.parametrize(
    ("age", "channel", "number"),
    [
        (350, TemporaryError("busy"), []),  # 60 timeouts of 6 s: not yet late
        (370, TemporaryError("busy"), [1.0]),
        (370, None, []),  # delivered at last
    ],
)
def test_a_message_that_stays_undelivered_for_too_long_counts_as_late(stack, ticket, capfd, age, channel, number):
    ops = Channel(*([channel] if channel else []))
    stack(ops=ops).run(ticket | {"first_tried": time.time() - age, "not_before": time.time() - 1})

    assert late(capfd) == number


def test_a_late_message_counts_each_time_that_its_ticket_comes_back_too_early_for_its_channel(stack, ticket, capfd):
    now = time.time()
    stack(ops=Channel()).run(ticket | {"first_tried": now - 370, "not_before": now + 100})

    assert late(capfd) == [1.0]


@pytest.mark.parametrize(("seconds", "number"), [(0, []), (20, []), (35, [2.0]), (200, [2.0])])
def test_records_that_lambda_held_back_or_an_invocation_left_count_as_late_although_they_are_delivered(
    stack, finished, capfd, seconds, number
):
    """A mapping collects for 20 s at most: after a longer time the function was throttled, or it died."""
    ops = Channel()
    invocation = stack(ops=ops)
    received = str(int((time.time() - seconds) * 1_000))
    invocation.run(finished(), finished(), attributes={"ApproximateFirstReceiveTimestamp": received})

    assert len(ops.got) == 2
    assert late(capfd) == number
