from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from batchbell.contract import PermanentError, TemporaryError
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.fan_out import fan_out
from batchbell.dispatcher.delivery.ledger import AlreadySent, Claimed, Held
from batchbell.dispatcher.delivery.outcome import Delivery, Result
from batchbell.dispatcher.delivery.sender import MAY_BE_A_REPEAT
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.timing import Deadline, Timing
from tests.waiting import patience, within


class Channel:
    """A notifier that keeps its messages, or raises the given error."""

    def __init__(self, *errors, hold=None):
        self.errors, self.hold, self.got = list(errors), hold, []

    def send(self, message):
        if self.hold:
            self.hold.wait(300)
        if self.errors:
            raise self.errors.pop(0)
        self.got.append(message)


@pytest.fixture
def message(event, key):
    return compose(Job.from_event(event("parent-failed", jobArn=key.partition("#")[0])), Failures())


def run(ledger, message, seconds=None, **channels):
    todo = {name: [Delivery(Instance(name, channel), message, time.time())] for name, channel in channels.items()}
    breakers = {name: Breaker(Timing()) for name in channels}
    sent = fan_out(todo, ledger, Timing(), breakers, Deadline.after(patience(5) if seconds is None else seconds))
    return {name: one.outcomes[0] for name, one in sent.items()}


def test_every_notifier_gets_the_message_once(ledger, message):
    ops, team = Channel(), Channel()
    first = run(ledger(), message, ops=ops, team=team)
    again = run(ledger(), message, ops=ops, team=team)

    assert {outcome.result for outcome in first.values()} == {Result.SENT}
    assert {outcome.result for outcome in again.values()} == {Result.ALREADY_SENT}
    assert (ops.got, team.got) == ([message], [message])


def test_notifiers_run_at_the_same_time(ledger, message):
    all_are_sending = threading.Barrier(6)

    class Together(Channel):
        def send(self, message):
            all_are_sending.wait(60)
            super().send(message)

    channels = {f"channel-{number}": Together() for number in range(6)}
    run(ledger(), message, **channels)

    assert all(channel.got for channel in channels.values())


def test_a_failing_notifier_does_not_affect_another(ledger, message):
    outcomes = run(ledger(), message, dead=Channel(PermanentError("gone")), bug=Channel(KeyError("x")), ops=Channel())

    assert outcomes["ops"].result is Result.SENT
    assert (outcomes["dead"].result, outcomes["dead"].reason) == (Result.PERMANENT, "gone")
    assert (outcomes["bug"].result, outcomes["bug"].reason) == (Result.UNKNOWN, "the notifier raised KeyError")


def test_a_refusal_frees_the_message_for_the_next_attempt(ledger, message, key):
    outcome = run(ledger(), message, ops=Channel(TemporaryError("busy")))["ops"]

    assert (outcome.result, outcome.counts, outcome.due) == (Result.TEMPORARY, True, None)
    assert ledger().claim(key, "ops") == Claimed(key, maybe_delivered=False)


def test_a_retry_after_sets_the_time_and_counts_no_attempt(ledger, message):
    outcome = run(ledger(), message, ops=Channel(TemporaryError("429", retry_after=40)))["ops"]

    assert outcome.due == pytest.approx(time.time() + 40, abs=5)
    assert not outcome.counts


@pytest.mark.parametrize("wait", [1e9, 1e308, 10**400])
def test_no_retry_after_is_longer_than_a_day(ledger, message, wait):
    outcome = run(ledger(), message, ops=Channel(TemporaryError("429", retry_after=wait)))["ops"]

    assert outcome.due == pytest.approx(time.time() + 86_400, abs=5)


def test_a_lost_answer_holds_the_row_and_the_repeat_says_so(ledger, message, key, clock):
    sender = ledger()
    outcome = run(sender, message, ops=Channel(TemporaryError("no answer", maybe_delivered=True)))["ops"]

    assert outcome.result is Result.UNKNOWN
    assert outcome.due > sender.until
    assert isinstance(ledger().claim(key, "ops"), Held)
    clock.move_past(sender.until)
    ops = Channel()
    run(ledger(), message, ops=ops)
    assert MAY_BE_A_REPEAT in ops.got[0].notes


def test_a_lost_answer_with_a_short_wait_is_not_sent_again_before_it_can_be_marked(ledger, message):
    ops = Channel(TemporaryError("502", retry_after=0.1, maybe_delivered=True))
    outcome = run(ledger(), message, ops=ops)["ops"]

    assert (outcome.result, ops.got) == (Result.UNKNOWN, [])


def test_a_hung_notifier_is_unknown_and_does_not_delay_the_others(ledger, message, key):
    release = threading.Event()
    ops = Channel()
    with within(5):
        outcomes = run(ledger(), message, seconds=patience(0.25), hung=Channel(hold=release), ops=ops)

    assert outcomes["hung"].result is Result.UNKNOWN
    assert outcomes["ops"].result is Result.SENT
    release.set()


def test_a_hung_send_that_ends_before_its_claim_is_committed_and_not_sent_again(ledger, message, key, wait_until):
    release, hung = threading.Event(), None
    hung = Channel(hold=release)
    run(ledger(), message, seconds=patience(0.1), hung=hung)
    release.set()
    wait_until(lambda: ledger().claim(key, "hung") == AlreadySent(), "committed late")

    assert len(hung.got) == 1


def test_nothing_is_sent_while_the_ledger_is_down(ledger, message):
    ops = Channel()
    outcome = run(replace(ledger(), table="no-such-table"), message, ops=ops)["ops"]

    assert (outcome.result, outcome.counts, ops.got) == (Result.TEMPORARY, False, [])
    assert outcome.due == pytest.approx(time.time() + 30, abs=5)


def test_a_delivery_that_was_not_started_in_time_counts_no_attempt(ledger, message):
    ops = Channel()
    outcome = run(ledger(), message, seconds=0, ops=ops)["ops"]

    assert (outcome.result, outcome.counts, ops.got) == (Result.TEMPORARY, False, [])


class Sloppy(TemporaryError):
    """An error of a third party's notifier that breaks the contract in every field."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    "error",
    [
        Sloppy(),
        Sloppy(reason=ValueError("odd"), retry_after="30"),
        Sloppy(reason="x", retry_after=float("nan")),
        Sloppy(reason="x", retry_after=float("inf")),
        Sloppy(reason="y" * 2_000_000 + "\n", retry_after=-5),
    ],
)
def test_a_sloppy_error_is_a_temporary_failure_and_the_next_message_is_sent(ledger, message, error):
    ops = Channel(error)
    second = replace(message, key=message.key + "2")
    todo = {"ops": [Delivery(Instance("ops", ops), one, time.time()) for one in (message, second)]}
    first, next_one = fan_out(todo, ledger(), Timing(), {"ops": Breaker(Timing())}, Deadline.after(patience(5)))[
        "ops"
    ].outcomes

    assert (first.result, first.due) == (Result.TEMPORARY, None)
    assert len(first.reason) <= 300
    assert next_one.result is Result.SENT


def test_an_error_whose_fields_raise_is_unknown_and_shows_nothing(ledger, message, caplog):
    class Worse(TemporaryError):
        def __getattribute__(self, name):
            raise RuntimeError("https://hooks.example.com/token")

    outcome = run(ledger(), message, ops=Channel(Worse("x")))["ops"]

    assert (outcome.result, outcome.reason) == (Result.UNKNOWN, "the notifier raised Worse")
    assert "token" not in "".join(str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_what_would_end_a_thread_is_one_notifiers_failure_and_shows_nothing(ledger, message, capfd, kind):
    second = replace(message, key=message.key + "2")
    odd, ops = Channel(kind("https://hooks.example.com/token")), Channel()
    todo = {
        name: [Delivery(Instance(name, channel), one, time.time()) for one in (message, second)]
        for name, channel in (("odd", odd), ("ops", ops))
    }
    breakers = {name: Breaker(Timing()) for name in todo}
    sent = fan_out(todo, ledger(), Timing(), breakers, Deadline.after(5))

    first, next_one = sent["odd"].outcomes
    assert (first.result, first.reason) == (Result.UNKNOWN, f"the notifier raised {kind.__name__}")
    assert next_one.result is Result.SENT
    assert (len(odd.got), len(ops.got)) == (1, 2)
    assert "token" not in "".join(capfd.readouterr())


def test_a_notifier_cannot_change_the_message_for_others(ledger, message):
    class Changing(Channel):
        def send(self, message):
            for part in (message, *message.facts, *message.links):
                for name in vars(part):
                    object.__setattr__(part, name, "changed")

    whole = repr(message)
    ops = Channel()
    run(ledger(), message, changing=Changing())
    run(ledger(), message, ops=ops)

    assert repr(ops.got[0]) == repr(message) == whole


def test_an_answer_that_is_not_the_channels_is_permanent_and_a_redrive_says_so(ledger, message):
    odd = PermanentError("Slack answered 200 OK", maybe_delivered=True)
    assert run(ledger(), message, ops=Channel(odd))["ops"].result is Result.PERMANENT
    ops = Channel()
    run(ledger(), message, ops=ops)

    assert MAY_BE_A_REPEAT in ops.got[0].notes


def test_a_message_claimed_after_the_deadline_is_not_sent_and_its_row_is_free(ledger, message, key, wait_until):
    """The ledger is slow: it answers after the invocation has stopped waiting."""
    stopped_waiting = threading.Event()

    class Slow:
        def __init__(self, client):
            self.client, self.claims = client, 0

        def update_item(self, **arguments):
            answer = self.client.update_item(**arguments)
            self.claims += 1
            if self.claims == 1:
                stopped_waiting.wait(300)
            return answer

    ops = Channel()
    sender = ledger()
    outcome = run(replace(sender, client=Slow(sender.client)), message, seconds=patience(0.1), ops=ops)["ops"]
    stopped_waiting.set()

    assert (outcome.result, outcome.counts) == (Result.TEMPORARY, False)
    wait_until(lambda: isinstance(ledger().claim(key, "ops"), Claimed), "free again")
    assert ops.got == []
