"""Many messages for one notifier at once, with the real ledger."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest

from batchbell.contract import Message, PermanentError, Severity, TemporaryError
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.fan_out import fan_out
from batchbell.dispatcher.delivery.ledger import AlreadySent, Claimed, Undelivered
from batchbell.dispatcher.delivery.outcome import Delivery, Result
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.timing import Deadline, Timing
from tests.waiting import FACTOR, patience, within


class Channel:
    """A notifier that keeps its messages, or raises the given error."""

    def __init__(self, *errors, busy=0.0):
        self.errors, self.busy, self.got, self.calls = list(errors), busy, [], 0

    def send(self, message):
        self.calls += 1
        time.sleep(self.busy)
        if self.errors:
            raise self.errors.pop(0)
        self.got.append(message)


@pytest.fixture
def finished(event):
    def make(number, status="succeeded"):
        job = str(uuid.uuid4())
        arn = f"arn:aws:batch:us-east-1:123456789012:job/{job}"
        fields = {"jobId": job, "jobArn": arn, "jobName": f"nightly-{number:03}"}
        return compose(Job.from_event(event(f"parent-{status}", **fields)), Failures())

    return make


def send(ledger, channel, messages, digest_after=5, seconds=10.0, timing=Timing(), breaker=None):  # noqa: B008
    instance = Instance("ops", channel, digest_after=digest_after)
    todo = {"ops": [Delivery(instance, message, time.time()) for message in messages]}
    breakers = {"ops": breaker or Breaker(timing)}
    return fan_out(todo, ledger, timing, breakers, Deadline.after(seconds))["ops"].outcomes


def results(outcomes):
    return {outcome.result for outcome in outcomes}


def test_a_digest_lists_the_failed_jobs_first_with_counts_and_links(finished):
    messages = [finished(1), finished(3, "failed"), finished(2), finished(0, "failed")]
    digest = compose_digest(messages, [False, False, True, False])

    assert digest.title == "4 jobs finished: 2 failed, 2 succeeded"
    assert [entry.title.split(" ")[0] for entry in digest.jobs] == [
        "nightly-000",
        "nightly-003",
        "nightly-001",
        "nightly-002",
    ]
    assert (digest.kind, digest.status, digest.severity) == ("digest", "FAILED", Severity.FAILURE)
    assert [entry.may_be_repeat for entry in digest.jobs] == [False, False, False, True]
    console = "https://us-east-1.console.aws.amazon.com/"
    assert all(entry.link and entry.link.url.startswith(console) for entry in digest.jobs)
    assert Message.from_dict(digest.to_dict()) == digest


def test_up_to_the_limit_each_job_has_its_message_and_beyond_all_have_one(ledger, finished):
    few, many = Channel(), Channel()
    send(ledger(), few, [finished(number) for number in range(5)])
    send(ledger(), many, [finished(number) for number in range(6)])

    assert [message.kind for message in few.got] == ["array-job"] * 5
    assert [(message.kind, len(message.jobs)) for message in many.got] == [("digest", 6)]


def test_a_notifier_without_digests_gets_every_message(ledger, finished):
    topic = Channel()
    send(ledger(), topic, [finished(number) for number in range(30)], digest_after=0)

    assert [message.kind for message in topic.got] == ["array-job"] * 30


def test_a_digest_has_at_most_a_hundred_jobs(ledger, finished):
    ops = Channel()
    outcomes = send(ledger(), ops, [finished(number) for number in range(120)], seconds=120.0)

    assert [len(message.jobs) for message in ops.got] == [100, 20]
    assert results(outcomes) == {Result.SENT}


def test_each_job_of_a_digest_has_its_own_row(ledger, finished):
    messages = [finished(number) for number in range(8)]
    send(ledger(), Channel(), messages)
    again = Channel()

    assert results(send(ledger(), again, messages)) == {Result.ALREADY_SENT}
    assert again.got == []


def test_jobs_already_sent_are_left_out_and_a_few_others_are_sent_singly(ledger, finished):
    messages = [finished(number) for number in range(8)]
    send(ledger(), Channel(), messages[:5])
    ops = Channel()
    outcomes = send(ledger(), ops, messages)

    assert [message.kind for message in ops.got] == ["array-job"] * 3
    assert [outcome.result for outcome in outcomes] == [Result.ALREADY_SENT] * 5 + [Result.SENT] * 3


def test_a_refused_digest_frees_each_of_its_jobs(ledger, finished):
    messages = [finished(number) for number in range(6)]
    gone = PermanentError("gone", every_message=True)
    for error, result in ((TemporaryError("busy"), Result.TEMPORARY), (gone, Result.PERMANENT)):
        ops = Channel(error)
        assert results(send(ledger(), ops, messages)) == {result}
        assert ops.calls == 1
        view = ledger()
        claims = [view.claim(message.key, "ops") for message in messages]
        assert claims == [Claimed(message.key, maybe_delivered=False) for message in messages]
        view.release(claims, "ops", Undelivered("temporary", "busy"))


def job_names(message):
    return [entry.title.split()[0] for entry in message.jobs] or [message.job_name]


class Picky(Channel):
    """It refuses what has one of some jobs in it."""

    def __init__(self, *poison, busy=0.0):
        super().__init__(busy=busy)
        self.poison = poison

    def send(self, message):
        if {*job_names(message)} & {*self.poison}:
            self.errors.append(PermanentError("400 invalid_payload"))
        super().send(message)


@pytest.mark.parametrize("poison", [[0], [99], [17, 18], [3, 50, 97]])
def test_only_the_job_that_the_channel_refuses_dies_with_a_digest(ledger, finished, poison):
    messages = [finished(number) for number in range(100)]
    ops = Picky(*(messages[number].job_name for number in poison))
    outcomes = send(ledger(), ops, messages, seconds=60)

    refused = [number for number, outcome in enumerate(outcomes) if outcome.result is Result.PERMANENT]
    assert refused == poison
    assert {outcome.result for outcome in outcomes} == {Result.SENT, Result.PERMANENT}
    delivered = [name for message in ops.got for name in job_names(message)]
    assert sorted(delivered) == [message.job_name for n, message in enumerate(messages) if n not in poison]
    assert ops.calls <= 1 + 2 * 7 * len(poison)


def test_what_a_refused_digest_leaves_no_time_for_is_sent_alone_next_time(ledger, finished):
    messages = [finished(number) for number in range(20)]
    ops = Picky(messages[0].job_name, busy=0.6)
    outcomes = send(ledger(), ops, messages, seconds=3.5)
    put_off = [number for number, outcome in enumerate(outcomes) if outcome.alone]

    assert put_off
    assert {(outcomes[number].result, outcomes[number].counts) for number in put_off} == {(Result.TEMPORARY, False)}
    keys = [messages[number].key for number in put_off]
    assert [ledger().claim(key, "ops") for key in keys] == [Claimed(key, maybe_delivered=False) for key in keys]


def test_jobs_that_are_to_be_sent_alone_form_no_digest(ledger, finished):
    ops = Channel()
    todo = [Delivery(Instance("ops", ops, digest_after=5), finished(n), time.time(), alone=n < 8) for n in range(10)]
    fan_out({"ops": todo}, ledger(), Timing(), {"ops": Breaker(Timing())}, Deadline.after(10))

    assert [message.kind for message in ops.got] == ["array-job"] * 10


def test_a_digest_without_an_answer_marks_each_job_as_a_possible_repeat(ledger, finished, clock):
    messages = [finished(number) for number in range(6)]
    view = ledger()
    lost = TemporaryError("no answer", maybe_delivered=True)
    assert results(send(view, Channel(lost), messages)) == {Result.UNKNOWN}
    clock.move_past(view.until)
    ops = Channel()
    send(ledger(), ops, [*messages, finished(7)])

    assert sorted((entry.title[:11], entry.may_be_repeat) for entry in ops.got[0].jobs) == [
        *((f"nightly-{number:03}", True) for number in range(6)),
        ("nightly-007", False),
    ]


def test_a_digest_whose_answer_comes_late_is_still_committed(ledger, finished, wait_until):
    messages = [finished(number) for number in range(6)]
    limit = patience(0.125)
    outcomes = send(ledger(), Channel(busy=2 * limit), messages, seconds=limit)

    assert results(outcomes) == {Result.UNKNOWN}
    wait_until(lambda: ledger().claim(messages[5].key, "ops") == AlreadySent(), "committed late")
    assert ledger().claim(messages[0].key, "ops") == AlreadySent()


def test_claiming_a_digest_has_its_own_time_limit(ledger, finished):
    """A slow ledger leaves time to send what was claimed; the rest was not started."""

    class Slow:
        def __init__(self, client):
            self.client = client

        def __getattr__(self, name):
            return getattr(self.client, name)

        def update_item(self, **arguments):
            time.sleep(0.1 * FACTOR)
            return self.client.update_item(**arguments)

    view, ops = ledger(), Channel()
    outcomes = send(
        replace(view, client=Slow(view.client)),
        ops,
        [finished(n) for n in range(40)],
        timing=Timing(10 * FACTOR),
        seconds=5 * FACTOR,
    )

    sent = [outcome for outcome in outcomes if outcome.result is Result.SENT]
    assert len(ops.got) == 1
    assert 5 < len(sent) < 20
    assert {(outcome.result, outcome.counts) for outcome in outcomes[len(sent) :]} == {(Result.TEMPORARY, False)}


def test_a_short_wait_that_the_channel_asks_for_is_waited_out(ledger, finished):
    ops = Channel(TemporaryError("429", retry_after=0.2))
    outcomes = send(ledger(), ops, [finished(1)])

    assert results(outcomes) == {Result.SENT}
    assert (ops.calls, len(ops.got)) == (2, 1)


@pytest.mark.parametrize("wait", [6, 30])
def test_a_longer_wait_becomes_a_ticket(ledger, finished, wait):
    ops = Channel(TemporaryError("429", retry_after=wait))
    (outcome,) = send(ledger(), ops, [finished(1)])

    assert (outcome.result, ops.calls) == (Result.TEMPORARY, 1)
    assert outcome.due == pytest.approx(time.time() + wait, abs=3)


def test_no_wait_exceeds_the_time_for_sends(ledger, finished):
    ops = Channel(TemporaryError("429", retry_after=2), TemporaryError("429", retry_after=2))
    with within(3):
        send(ledger(), ops, [finished(1)], seconds=3)

    assert ops.calls == 1


def test_a_channel_that_keeps_asking_to_wait_is_tried_three_times(ledger, finished):
    ops = Channel(*[TemporaryError("429", retry_after=0.05) for _ in range(9)])
    outcomes = send(ledger(), ops, [finished(1), finished(2)])

    assert ops.calls == 3
    assert [(outcome.result, outcome.counts) for outcome in outcomes] == [(Result.TEMPORARY, False)] * 2


def test_an_open_breaker_causes_no_ledger_write(ledger, finished, row):
    breaker, messages = Breaker(Timing()), [finished(number) for number in range(8)]
    send(ledger(), Channel(TemporaryError("no answer"), busy=2.1), messages[:1], breaker=breaker)
    ops = Channel()
    for some in (messages[1:2], messages[1:]):
        assert results(send(ledger(), ops, some, breaker=breaker)) == {Result.TEMPORARY}

    assert ops.calls == 0
    assert [row(message.key, "ops") for message in messages[1:]] == [{}] * 7


def test_after_a_digest_hangs_no_other_is_sent_and_their_rows_are_free(ledger, finished):
    messages = [finished(number) for number in range(110)]
    ops = Channel(TemporaryError("no answer", maybe_delivered=True), busy=2.1 * FACTOR)
    outcomes = send(ledger(), ops, messages, seconds=10.0 * FACTOR, timing=Timing(30 * FACTOR))

    assert ops.calls == 1
    assert [outcome.result for outcome in outcomes] == [Result.UNKNOWN] * 100 + [Result.TEMPORARY] * 10
    assert ledger().claim(messages[105].key, "ops") == Claimed(messages[105].key, maybe_delivered=False)
