"""The one message about a running job that is kept up to date, with the real ledger, and what may interrupt it."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace

import pytest
from botocore.exceptions import ReadTimeoutError

from batchbell.contract import PermanentError, TemporaryError
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.live_messages import in_order
from batchbell.dispatcher.delivery.outcome import Delivery, Result
from batchbell.dispatcher.delivery.sender import MAY_BE_A_REPEAT
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.timing import Timing
from tests.dispatcher.delivery.live_channel import ArrayJob, Dying, LiveChannel, show
from tests.waiting import patience, within

NO_ANSWER = TemporaryError("no answer", maybe_delivered=True)


@pytest.fixture
def job():
    return ArrayJob(f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}")


def results(outcomes):
    return [outcome.result for outcome in outcomes]


def titles(post):
    return [message.title for message in post.shown]


def test_a_running_job_has_one_message_that_shows_how_far_it_is(ledger, job):
    ops = LiveChannel()
    for finished in (0, 12, 60):
        assert results(show(ledger(), ops, job.running(finished))) == [Result.SENT]

    (live,) = ops.posts.values()
    assert titles(live) == [
        "nightly: 100 children, how far it is follows here",
        "nightly is running: 0 of 100 done",
        "nightly is running: 12 of 100 done",
        "nightly is running: 60 of 100 done",
    ]
    assert live.shown[0].progress is None and not live.shown[0].facts


def test_what_is_not_newer_is_not_shown(ledger, job):
    ops = LiveChannel()
    show(ledger(), ops, job.running(12, started=20))
    again = [show(ledger(), ops, job.running(*numbers)) for numbers in ((12, 20), (11, 99), (12, 15))]

    assert [results(one) for one in again] == [[Result.ALREADY_SENT]] * 3
    assert len(ops.live[0].shown) == 2
    assert results(show(ledger(), ops, job.running(12, started=21))) == [Result.SENT]


def test_children_that_start_again_do_not_keep_a_newer_state_away(ledger, job):
    ops = LiveChannel()
    show(ledger(), ops, job.running(12, started=50))
    show(ledger(), ops, job.running(13, started=20))

    assert ops.live[0].title == "nightly is running: 13 of 100 done"


def test_the_outcome_is_what_a_live_message_shows_at_last(ledger, job, row):
    ops = LiveChannel()
    show(ledger(), ops, job.running(12))
    show(ledger(), ops, job.outcome(), job.last())
    late = show(ledger(), ops, job.running(99))
    repeated = show(ledger(), ops, job.outcome(), job.last())

    assert results(late) == [Result.ALREADY_SENT]
    assert results(repeated) == [Result.ALREADY_SENT] * 2
    assert (len(ops.live), ops.live[0].title) == (1, "nightly FAILED")
    assert [message.title for message in ops.others] == ["nightly FAILED"]
    assert ops.others[0].reply_to == "receipt-0"


def test_a_finished_job_without_a_live_message_gets_none(ledger, job, row):
    ops = LiveChannel()
    assert results(show(ledger(), ops, job.outcome(), job.last())) == [Result.SENT, Result.DROPPED]
    show(ledger(), ops, job.running(99))

    assert not ops.live
    assert "sent" not in row(job.running(0).key, "ops")  # it would count as a delivery of the channel


def test_warnings_are_replies_to_the_live_message_even_if_one_sweep_finds_both(ledger, job):
    ops = LiveChannel()
    show(ledger(), ops, job.warning(), job.running(12))

    assert [post.is_live for post in ops.posts.values()] == [True, False]
    assert ops.others[0].reply_to == "receipt-0"


def test_without_a_live_message_the_first_message_of_a_thread_begins_it(ledger, job):
    ops = LiveChannel()
    again = replace(job.outcome("SUCCEEDED"), key=f"{job.arn}-again#SUCCEEDED")
    for message in (job.outcome(), again, replace(again, key=f"{job.arn}-once-more#FAILED")):
        show(ledger(), ops, message)

    assert [message.reply_to for message in ops.others] == ["", "receipt-0", "receipt-0"]


def test_a_live_message_never_takes_the_place_of_a_warning(ledger, job):
    ops = LiveChannel()
    show(ledger(), ops, job.warning())
    show(ledger(), ops, job.running(12))
    show(ledger(), ops, job.running(13), job.warning("STALLED"))

    assert [message.title for message in ops.others] == ["nightly: EARLY", "nightly: STALLED"]
    assert [titles(live)[-1] for live in ops.live] == ["nightly is running: 13 of 100 done"]
    assert ops.others[1].reply_to == "receipt-1"


def test_warnings_of_a_blocked_queue_stay_out_of_threads(ledger, job):
    ops = LiveChannel()
    for number in range(2):
        show(ledger(), ops, replace(job.outcome(), key=f"{job.arn}#{number}", kind="queue-blocked"))

    assert [message.reply_to for message in ops.others] == ["", ""]


def test_a_digest_answers_no_thread_and_every_live_message_still_ends(ledger):
    jobs = [ArrayJob(f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}", f"job-{n:02}") for n in range(100)]
    ops = LiveChannel()
    show(ledger(), ops, *[job.running(50) for job in jobs[:20]])
    show(ledger(), ops, *[job.outcome() for job in jobs], *[job.last() for job in jobs], digest_after=5, seconds=60)

    (digest,) = ops.others
    assert (len(digest.jobs), digest.reply_to) == (100, "")
    assert sorted(live.title for live in ops.live) == [f"job-{number:02} FAILED" for number in range(20)]


@pytest.mark.parametrize("lost", [NO_ANSWER, KeyError("x")])
def test_a_live_message_whose_receipt_is_lost_stays_true_and_gets_no_second(ledger, job, clock, lost):
    class Lossy(LiveChannel):
        def send(self, message):
            receipt = super().send(message)
            if self.live and len(self.posts) == 1:
                raise lost
            return receipt

    ops, first = Lossy(), ledger()
    assert results(show(first, ops, job.running(12))) == [Result.UNKNOWN]
    clock.move_past(first.until)
    for message in (job.running(13), job.running(14), job.last()):
        show(ledger(), ops, message)
    show(ledger(), ops, job.outcome())

    assert [titles(live) for live in ops.live] == [["nightly: 100 children, how far it is follows here"]]
    assert [message.reply_to for message in ops.others] == [""]


@pytest.mark.parametrize("written", [1, 2], ids=["before the receipt", "before the commit"])
def test_a_killed_process_leaves_one_live_message_that_never_goes_back(ledger, job, clock, written):
    ops, killed = LiveChannel(), ledger()
    show(replace(killed, client=Dying(killed.client, written)), ops, job.running(50))
    clock.move_past(killed.until)
    show(ledger(), ops, job.running(12))
    show(ledger(), ops, job.running(50))

    expected = ["nightly: 100 children, how far it is follows here", "nightly is running: 50 of 100 done"]
    assert [list(dict.fromkeys(titles(live))) for live in ops.live] == [expected[:written]]


def test_a_process_killed_during_the_last_update_leaves_nothing_that_says_running(ledger, job, clock):
    ops, killed = LiveChannel(), ledger()
    show(ledger(), ops, job.running(50))
    show(replace(killed, client=Dying(killed.client, 1)), ops, job.last())
    clock.move_past(killed.until)
    assert results(show(ledger(), ops, job.running(60))) == [Result.ALREADY_SENT]
    show(ledger(), ops, job.last())

    assert ops.live[0].title == "nightly FAILED"
    assert MAY_BE_A_REPEAT not in ops.live[0].shown[-1].notes  # nobody sees that it is repeated


def test_of_two_invocations_at_once_one_updates_and_the_outcome_waits_for_its_turn(ledger, job):
    updating, go_on = threading.Event(), threading.Event()

    def hold():
        updating.set()
        go_on.wait(60)

    ops = LiveChannel(updates=[lambda: None, hold])
    show(ledger(), ops, job.running(10))
    one = threading.Thread(target=show, args=(ledger(), ops, job.running(20)))
    one.start()
    updating.wait(60)
    second = ledger()
    at_once = show(second, ops, job.running(30), job.warning())
    (last,) = show(ledger(), ops, job.last())
    go_on.set()
    one.join()

    assert results(at_once) == [Result.TEMPORARY, Result.SENT]
    assert (last.result, last.counts) == (Result.TEMPORARY, False)
    assert ops.live[0].title == "nightly is running: 20 of 100 done"


def test_an_update_that_comes_late_writes_nothing(ledger, job, clock, row, wait_until):
    """Lambda froze the thread, and a later invocation resumed it."""
    go_on, done = threading.Event(), threading.Event()

    class Frozen(LiveChannel):
        def update(self, message, receipt):
            if message.progress and message.progress.finished == 20:
                go_on.wait(60)
                done.set()
                return
            super().update(message, receipt)

    ops, slow = Frozen(), ledger()
    show(ledger(), ops, job.running(10))
    assert results(show(slow, ops, job.running(20), seconds=patience(0.2))) == [Result.UNKNOWN]
    clock.move_past(slow.until)
    show(ledger(), ops, job.last())
    before = row(job.last().key, "ops")
    go_on.set()
    wait_until(done.is_set, "resumed")

    assert ops.live[0].title == "nightly FAILED"
    assert row(job.last().key, "ops") == before


def test_a_receipt_that_comes_late_is_kept_and_the_live_message_lives_on(ledger, job, clock, row, wait_until):
    go_on = threading.Event()
    ops, slow = LiveChannel(lambda: go_on.wait(60)), ledger()
    assert results(show(slow, ops, job.running(10), seconds=patience(0.2))) == [Result.UNKNOWN]
    go_on.set()
    wait_until(lambda: "receipt" in row(job.running(0).key, "ops"), "kept")
    clock.move_past(slow.until)
    show(ledger(), ops, job.running(20))

    assert [live.title for live in ops.live] == ["nightly is running: 20 of 100 done"]


def test_nothing_is_sent_while_the_channel_is_left_alone_or_the_ledger_is_down(ledger, job):
    ops, breaker = LiveChannel(), Breaker(Timing())
    breaker.open_until = float("inf")
    alone = show(ledger(), ops, job.running(10), job.last(), breaker=breaker)
    down = show(replace(ledger(), table="no-such-table"), ops, job.running(10), job.last())

    assert {outcome.result for outcome in (*alone, *down)} == {Result.TEMPORARY}
    assert not ops.posts


@pytest.mark.parametrize("refusal", [TemporaryError("429", retry_after=1), PermanentError("gone", every_message=True)])
def test_a_channel_that_is_busy_or_gone_is_asked_once_and_the_outcomes_do_not_wait(ledger, refusal):
    jobs = [ArrayJob(f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}") for _ in range(9)]
    ops, breaker = LiveChannel(refusal, refusal, refusal, refusal), Breaker(Timing())
    with within(2):
        show(ledger(), ops, *[job.running(10) for job in jobs], breaker=breaker)

    assert len(ops.errors) == 3
    assert breaker.outcome_if_open() is None


def test_with_more_live_messages_than_time_it_is_not_always_the_last_that_are_left_out():
    jobs = [ArrayJob(f"arn:aws:batch:us-east-1:123456789012:job/{uuid.uuid4()}") for _ in range(30)]
    todo = [Delivery(Instance("ops", LiveChannel()), job.running(10), 0.0) for job in jobs]
    orders = {tuple(in_order(todo, range(30), f"invocation {number}")) for number in range(4)}

    assert len(orders) == 4
    assert all(sorted(order) == list(range(30)) for order in orders)


def test_a_message_comes_without_its_thread_if_that_cannot_be_read(ledger, job):
    class Unreadable(Dying):
        def get_item(self, **arguments):
            raise ReadTimeoutError(endpoint_url="https://dynamodb.example.com")

    ops, view = LiveChannel(), ledger()
    show(ledger(), ops, job.running(10))
    assert results(show(replace(view, client=Unreadable(view.client, 99)), ops, job.outcome())) == [Result.SENT]
    assert ops.others[0].reply_to == ""


@pytest.mark.parametrize("receipt", [None, "", "x" * 201, "two\nlines", 7, ["x"]])
def test_a_notifier_that_gives_no_receipt_keeps_no_live_message(ledger, job, receipt):
    class Without(LiveChannel):
        def send(self, message):
            super().send(message)
            return receipt

    ops = Without()
    for finished in (10, 20):
        assert results(show(ledger(), ops, job.running(finished)))[0] in (Result.DROPPED, Result.ALREADY_SENT)
    show(ledger(), ops, job.outcome(), job.last())

    assert [len(live.shown) for live in ops.live] == [1]
    assert [message.reply_to for message in ops.others] == [""]


def test_a_live_message_that_somebody_deleted_is_given_up_and_the_outcome_arrives(ledger, job):
    ops = LiveChannel(updates=[lambda: None, PermanentError("message_not_found")])
    show(ledger(), ops, job.running(10))
    given_up = show(ledger(), ops, job.running(20))
    show(ledger(), ops, job.running(30))
    last = show(ledger(), ops, job.outcome(), job.last())

    assert results(given_up) == [Result.DROPPED]
    assert results(last) == [Result.SENT, Result.ALREADY_SENT]
    assert (len(ops.live), ops.live[0].title) == (1, "nightly is running: 10 of 100 done")


def test_a_notifier_that_cannot_update_any_more_gets_no_live_message_as_a_message(ledger, job):
    class Plain:
        def __init__(self):
            self.got = []

        def send(self, message):
            self.got.append(message)

    plain, other = Plain(), LiveChannel()
    assert results(show(ledger(), plain, job.running(10), job.last())) == [Result.DROPPED] * 2
    assert results(show(ledger(), other, job.running(10), job.last(), progress=False)) == [Result.DROPPED] * 2
    assert not plain.got and not other.posts


def test_a_notifier_without_progress_costs_no_further_call(ledger, job):
    class Counting(Dying):
        calls = 0

        def update_item(self, **arguments):
            self.calls += 1
            return super().update_item(**arguments)

        def get_item(self, **arguments):
            raise AssertionError("read")

    view = ledger()
    client = Counting(view.client, 99)
    assert results(show(replace(view, client=client), LiveChannel(), job.outcome(), progress=False)) == [Result.SENT]
    assert client.calls == 2
