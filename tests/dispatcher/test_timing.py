from __future__ import annotations

import pytest

from batchbell.dispatcher.timing import Timing


def test_the_first_retries_are_quick_and_later_ones_a_quarter_of_an_hour_apart():
    delays = [Timing().retry_delay(attempt) for attempt in range(9)]

    assert delays == [15, 30, 60, 120, 240, 480, 900, 900, 900]


def test_everything_scales_with_the_functions_timeout():
    usual, quick = Timing(30), Timing(3)

    for name in ("look_ups", "sends", "lease_margin", "ledger_pause", "ticket_lifetime"):
        assert getattr(quick, name) == pytest.approx(getattr(usual, name) / 10)


def test_tickets_of_about_the_same_time_come_back_together():
    timing = Timing()
    arrivals = {now + timing.ticket_delay(now + 15, now) for now in (1_000.0, 1_001.5, 1_004.9)}

    assert {round(arrival) // 10 for arrival in arrivals} == {102}


def test_a_ticket_never_comes_back_before_it_is_due():
    timing = Timing()

    for due in range(1_000, 1_900, 7):
        assert 1_000 + timing.ticket_delay(due, 1_000.0) >= due


def test_a_delay_is_what_sqs_takes():
    assert Timing().ticket_delay(1_000_000, 0.0) == 900
    assert Timing().ticket_delay(0, 1_000_000.0) == 0


def test_a_message_that_is_refused_for_four_hours_is_tried_about_twenty_times():
    timing, clock, tries = Timing(), 0.0, 0
    while clock <= timing.ticket_lifetime:
        clock += timing.ticket_delay(clock + timing.retry_delay(tries), clock)
        tries += 1

    assert 15 <= tries <= 25


@pytest.mark.parametrize("timeout", [3, 5, 30, 120])
def test_at_the_end_of_an_invocation_a_slow_sqs_gets_each_ticket_once(timeout):
    timing = Timing(timeout)
    kept = timing.wrap_up - timing.unknown_marks + timing.last_moments

    assert timing.posting <= kept < 2 * timing.posting
