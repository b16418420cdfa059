"""When a channel counts as dead, with the real table and its index of deliveries."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest

from batchbell.dispatcher.delivery.health import Health
from batchbell.dispatcher.delivery.outcome import Result, SendAttempt
from batchbell.dispatcher.messages.dead_channel import DeadChannel
from batchbell.dispatcher.timing import Timing

SENT = SendAttempt(Result.SENT, "", 0.1)
BUSY = SendAttempt(Result.TEMPORARY, "500", 0.1)
LOST = SendAttempt(Result.UNKNOWN, "no answer", 0.1)
GONE = SendAttempt(Result.PERMANENT, "404 no_service", 0.1)


@pytest.fixture
def notifier():
    return f"ops-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def note(cloud, table, notifier):
    """One invocation's attempts; returns the dead channel to announce, or None."""

    def run(*attempts):
        announced: list[DeadChannel] = []
        Health(cloud.client("dynamodb"), table, Timing()).note(notifier, attempts, announced.append)
        assert len(announced) < 2
        return announced[0] if announced else None

    return run


def test_three_permanent_refusals_in_a_row_make_a_dead_channel(note, notifier):
    assert [note(GONE), note(GONE)] == [None, None]
    dead = note(GONE)

    assert dead is not None
    assert (dead.notifier, dead.reason) == (notifier, "404 no_service")
    assert dead.since == pytest.approx(time.time(), abs=5)


def test_three_permanent_refusals_in_one_invocation_make_a_dead_channel(note):
    assert note(GONE, GONE, GONE) is not None


@pytest.mark.parametrize("between", [BUSY, LOST])
def test_another_failure_in_between_resets_the_count(note, between):
    assert [note(GONE, GONE), note(between), note(GONE, GONE), note(between, GONE, GONE)] == [None] * 4
    assert note(GONE) is not None


def test_a_delivery_in_between_resets_the_count_even_from_another_process(note, ledger, notifier, key):
    assert note(GONE, GONE) is None
    sender = ledger()
    sender.commit([sender.claim(key, notifier)], notifier)

    assert [note(GONE), note(GONE)] == [None, None]
    assert note(GONE) is not None


def test_a_delivery_in_the_same_invocation_resets_the_count(note):
    assert [note(GONE, GONE), note(SENT, GONE, GONE)] == [None, None]


def test_fifteen_minutes_of_only_temporary_failures_make_a_dead_channel(note, clock):
    assert note(BUSY) is None
    clock.move(15 * 60)

    assert note(LOST).reason == "no answer"


def test_temporary_failures_with_deliveries_in_between_make_no_dead_channel(note, ledger, notifier, key, clock):
    note(BUSY)
    clock.move(1)
    sender = ledger()
    sender.commit([sender.claim(key, notifier)], notifier)
    clock.move(15 * 60)

    assert note(BUSY) is None


def test_a_delivery_in_the_same_invocation_counts_before_the_index_has_it(note, clock):
    note(BUSY)
    clock.move(15 * 60)

    assert note(SENT, BUSY) is None


def test_a_dead_channel_is_announced_once_an_hour(note, clock):
    assert note(GONE, GONE, GONE) is not None
    assert note(GONE) is None
    clock.move(3600)

    assert note(GONE) is not None


def test_an_error_of_the_table_is_logged_and_stops_nothing(cloud, table, notifier, caplog):
    health = replace(Health(cloud.client("dynamodb"), table, Timing()), table="no-such-table")
    announced: list[DeadChannel] = []
    health.note(notifier, [GONE] * 3, announced.append)

    assert [record.reason for record in caplog.records] == ["ResourceNotFoundException"]
    assert announced == []
