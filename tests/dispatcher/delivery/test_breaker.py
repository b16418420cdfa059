from __future__ import annotations

import threading
import time

import pytest

from batchbell.dispatcher.delivery.breaker import ABANDONED_LIMIT, Breaker
from batchbell.dispatcher.delivery.outcome import Result, SendAttempt
from batchbell.dispatcher.timing import Timing

BUSY = SendAttempt(Result.TEMPORARY, "Slack answered 429", 0.001)
SENT = SendAttempt(Result.SENT, "", 0.1)


@pytest.fixture
def breaker():
    return Breaker(Timing())


def test_three_requests_to_wait_in_a_row_open_the_breaker_for_a_slot(breaker):
    for _ in range(2):
        breaker.record(BUSY, wait=1)
        assert breaker.outcome_if_open() is None
    breaker.record(BUSY, wait=1)
    skipped = breaker.outcome_if_open()

    assert skipped is not None
    assert (skipped.result, skipped.counts) == (Result.TEMPORARY, False)
    assert skipped.due == pytest.approx(time.time() + 10, abs=2)
    assert skipped.reason == "the channel is left alone for a while: Slack answered 429"


@pytest.mark.parametrize(
    "between", [SENT, SendAttempt(Result.TEMPORARY, "500", 0.1), SendAttempt(Result.PERMANENT, "404", 0.1)]
)
def test_another_answer_in_between_resets_the_count(breaker, between):
    for attempt in (BUSY, BUSY, between, BUSY, BUSY):
        breaker.record(attempt, wait=1 if attempt is BUSY else None)

    assert breaker.outcome_if_open() is None


@pytest.mark.parametrize("result", [Result.UNKNOWN, Result.TEMPORARY])
def test_one_attempt_that_hangs_opens_the_breaker(breaker, result):
    breaker.record(SendAttempt(result, "no answer", 2.5))
    skipped = breaker.outcome_if_open()

    assert skipped is not None
    assert skipped.due == pytest.approx(time.time() + 30, abs=2)


@pytest.mark.parametrize("result", [Result.SENT, Result.PERMANENT])
def test_a_slow_answer_does_not_open_the_breaker(breaker, result):
    breaker.record(SendAttempt(result, "", 7.0))

    assert breaker.outcome_if_open() is None


def test_the_breaker_closes_after_its_pause_or_when_the_channel_asked(breaker, clock):
    for _ in range(3):
        breaker.record(BUSY, wait=0.1)
    assert breaker.outcome_if_open() is not None

    clock.move(Timing().ticket_slot)
    breaker.record(BUSY, wait=0.1)
    assert breaker.outcome_if_open() is None
    for _ in range(3):
        breaker.record(BUSY, wait=60)
    skipped = breaker.outcome_if_open()
    assert skipped is not None
    assert skipped.due == pytest.approx(time.time() + 30, abs=2)
    clock.move(59)
    assert breaker.outcome_if_open() is not None
    clock.move(2)
    assert breaker.outcome_if_open() is None


@pytest.mark.parametrize("wait", [86_400.0, 1e300])
def test_a_channel_that_asks_for_a_day_is_tried_again_after_five_minutes(breaker, clock, wait):
    for _ in range(3):
        breaker.record(BUSY, wait=wait)
    clock.move(301)

    assert breaker.outcome_if_open() is None


def test_a_channel_whose_abandoned_sends_never_end_gets_no_more_of_them(breaker):
    release = threading.Event()
    for _ in range(ABANDONED_LIMIT):
        thread = threading.Thread(target=release.wait, daemon=True)
        thread.start()
        assert breaker.outcome_if_open() is None
        breaker.abandoned.append(thread)
    skipped = breaker.outcome_if_open()
    release.set()

    assert skipped is not None
    assert (skipped.result, skipped.reason) == (Result.TEMPORARY, "20 earlier sends have not ended")
    for thread in breaker.abandoned:
        thread.join()
    assert breaker.outcome_if_open() is None
