from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from batchbell.dispatcher.delivery.ledger import AlreadySent, Claimed, Held, LedgerDown, Undelivered

REFUSED = Undelivered("permanent", "Slack answered 404 no_service")


def test_a_free_row_can_be_claimed_once(ledger, key):
    first, second = ledger(), ledger()

    assert first.claim(key, "ops") == Claimed(key, maybe_delivered=False)
    held = second.claim(key, "ops")
    assert isinstance(held, Held)
    assert held.until == pytest.approx(first.until, abs=0.01)


def test_a_claim_of_one_notifier_does_not_affect_another(ledger, key):
    ledger().claim(key, "ops")

    assert ledger().claim(key, "team") == Claimed(key, maybe_delivered=False)


def test_of_many_claims_at_the_same_time_one_wins(ledger, key):
    results = []
    views = [ledger() for _ in range(12)]
    threads = [threading.Thread(target=lambda view=view: results.append(view.claim(key, "ops"))) for view in views]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [type(result) for result in results].count(Claimed) == 1
    assert len(results) == 12


def test_a_sent_message_is_never_claimed_again(ledger, key):
    sender = ledger(lease=0.1)
    claim = sender.claim(key, "ops")

    assert sender.commit([claim], "ops") == []
    assert ledger().claim(key, "ops") == AlreadySent()


def test_our_own_claim_repeated_by_the_sdk_holds_and_is_marked_as_a_possible_repeat(ledger, key):
    sender = ledger()
    sender.claim(key, "ops")

    assert sender.claim(key, "ops") == Claimed(key, maybe_delivered=True)


def test_a_surely_refused_message_is_free_again_and_not_a_repeat(ledger, key):
    sender = ledger()
    claim = sender.claim(key, "ops")

    assert sender.release([claim], "ops", REFUSED) == []
    assert ledger().claim(key, "ops") == Claimed(key, maybe_delivered=False)


def test_the_row_of_a_dead_holder_is_claimed_as_a_possible_repeat(ledger, key, clock):
    dead = ledger()
    dead.claim(key, "ops")
    clock.move_past(dead.until)

    assert ledger().claim(key, "ops") == Claimed(key, maybe_delivered=True)


def test_an_unknown_outcome_holds_the_row_and_then_is_a_possible_repeat(ledger, key, clock):
    sender = ledger()
    claim = sender.claim(key, "ops")

    assert sender.mark_unknown([claim], "ops", REFUSED) == []
    assert isinstance(ledger().claim(key, "ops"), Held)
    clock.move_past(sender.until)
    assert ledger().claim(key, "ops") == Claimed(key, maybe_delivered=True)


def test_a_later_refusal_keeps_the_mark_of_a_possible_delivery(ledger, key, clock):
    sender = ledger()
    sender.mark_unknown([sender.claim(key, "ops")], "ops", REFUSED)
    clock.move_past(sender.until)
    again = ledger()
    again.release([again.claim(key, "ops")], "ops", REFUSED)

    assert ledger().claim(key, "ops") == Claimed(key, maybe_delivered=True)


@pytest.mark.parametrize("late", [("commit",), ("release", REFUSED), ("mark_unknown", REFUSED)])
def test_a_late_write_does_not_change_the_new_holders_row(ledger, key, row, clock, late):
    slow = ledger()
    claim = slow.claim(key, "ops")
    clock.move_past(slow.until)
    holder = ledger()
    holder.claim(key, "ops")
    before = row(key, "ops")

    step, *undelivered = late
    assert getattr(slow, step)([claim], "ops", *undelivered) == [key]
    assert row(key, "ops") == before
    assert holder.commit([claim], "ops") == []


def test_rows_expire_after_sixty_days(ledger, key, row):
    ledger().claim(key, "ops")

    assert float(row(key, "ops")["expires"]["N"]) == pytest.approx(time.time() + 60 * 86_400, abs=10)


def test_without_its_table_the_ledger_is_down(ledger, key):
    broken = replace(ledger(), table="no-such-table")

    with pytest.raises(LedgerDown, match="ResourceNotFoundException"):
        broken.claim(key, "ops")
    for claims in ([Claimed(key, False)], [Claimed(key, False), Claimed(key + "2", False)]):
        for step, *undelivered in ((broken.commit,), (broken.release, REFUSED), (broken.mark_unknown, REFUSED)):
            with pytest.raises(LedgerDown, match="ResourceNotFoundException"):
                step(claims, "ops", *undelivered)
    with pytest.raises(LedgerDown, match="ResourceNotFoundException"):
        broken.note(key, "ops", REFUSED)


def result_and_reason(row):
    return row.get("result", {}).get("S"), row.get("reason", {}).get("S")


def test_the_reason_stays_in_the_row_until_the_message_is_delivered(ledger, key, row, clock):
    sender = ledger()
    sender.release([sender.claim(key, "ops")], "ops", REFUSED)
    assert result_and_reason(row(key, "ops")) == ("permanent", "Slack answered 404 no_service")
    assert float(row(key, "ops")["tried"]["N"]) == pytest.approx(time.time(), abs=10)

    sender.mark_unknown([sender.claim(key, "ops")], "ops", Undelivered("unknown", "no answer in time"))
    assert result_and_reason(row(key, "ops")) == ("unknown", "no answer in time")

    clock.move_past(sender.until)
    later = ledger()
    later.commit([later.claim(key, "ops")], "ops")
    assert "sent" in row(key, "ops")
    assert result_and_reason(row(key, "ops")) == (None, None)


def test_a_reason_is_written_only_to_rows_that_are_neither_held_nor_sent(ledger, key, row):
    skipped, sender = Undelivered("temporary", "the channel is left alone"), ledger()
    ledger().note(key, "ops", skipped)
    assert result_and_reason(row(key, "ops")) == ("temporary", "the channel is left alone")
    assert "expires" in row(key, "ops")

    claim = sender.claim(key, "team")
    ledger().note(key, "team", skipped)
    assert result_and_reason(row(key, "team")) == (None, None)
    sender.commit([claim], "team")
    ledger().note(key, "team", skipped)
    assert result_and_reason(row(key, "team")) == (None, None)
    assert sender.claim(key, "ops") == Claimed(key, maybe_delivered=False)


def test_a_later_refusal_keeps_the_mark_of_a_dead_holder(ledger, key, clock):
    dead = ledger()
    dead.claim(key, "ops")
    clock.move_past(dead.until)
    again = ledger()
    again.release([again.claim(key, "ops")], "ops", REFUSED)

    assert ledger().claim(key, "ops") == Claimed(key, maybe_delivered=True)


def test_a_digest_is_committed_in_one_transaction(ledger, key, row):
    sender, keys = ledger(), [f"{key}{number}" for number in range(100)]
    claims = [sender.claim(one, "ops") for one in keys]

    assert sender.commit(claims, "ops") == []
    assert all("sent" in row(one, "ops") and "token" not in row(one, "ops") for one in keys)


def test_one_lost_row_does_not_stop_the_other_rows_of_its_digest(ledger, key, clock):
    slow, other = ledger(), key + "2"
    claims = [slow.claim(key, "ops"), slow.claim(other, "ops")]
    clock.move_past(slow.until)
    ledger().claim(key, "ops")

    assert slow.commit(claims, "ops") == [key]
    assert ledger().claim(other, "ops") == AlreadySent()
