from __future__ import annotations

import threading
import time

from batchbell_local.ministack.poller_wake import PollerWake
from tests.waiting import within

LONG = 300.0  # seconds


def test_the_sleep_ends_when_something_is_due() -> None:
    moment = time.time() + 0.1
    wake = PollerWake(threading.Event(), lambda: [time.time() + LONG, moment])
    wake.clear()

    with within(10):
        assert not wake.wait(LONG)
    assert time.time() >= moment


def test_what_became_due_after_the_poller_looked_ends_the_sleep_at_once() -> None:
    wake = PollerWake(threading.Event(), lambda: [time.time()])
    wake.clear()

    with within(10):
        assert not wake.wait(LONG)


def test_what_was_due_when_the_poller_looked_does_not_keep_it_awake() -> None:
    past = time.time() - 1
    wake = PollerWake(threading.Event(), lambda: [past])
    wake.clear()
    started = time.monotonic()

    assert not wake.wait(0.2)
    assert time.monotonic() - started >= 0.2


def test_the_sleep_ends_for_its_event_as_before() -> None:
    event = threading.Event()
    wake = PollerWake(event, list)
    wake.clear()
    event.set()

    with within(10):
        assert wake.wait(LONG)
