from __future__ import annotations

import time

import pytest

from batchbell.dispatcher.delivery.breaker import Breaker
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
    assert skipped.due == pytest.approx(time.time() + 60, abs=2)
