"""What the start makes for the first message: as much as works, and for no longer than a second."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from batchbell.contract import TemporaryError
from batchbell.dispatcher import preparation
from batchbell.dispatcher.delivery import threads
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.preparation import prepare


class Channel:
    def __init__(self, prepare=lambda: None):
        self.prepared = threading.Event()
        self._prepare = prepare

    def prepare(self):
        self._prepare()
        self.prepared.set()

    def send(self, message):
        """Nothing is sent here."""


def raising(error):
    def prepare():
        raise error

    return prepare


@pytest.mark.parametrize("error", [TemporaryError("no such secret"), SystemExit(1), KeyboardInterrupt()])
def test_a_notifier_that_cannot_prepare_stops_neither_the_start_nor_the_others(error, monkeypatch):
    logged = []
    monkeypatch.setattr(threads, "logger", SimpleNamespace(error=lambda *texts, **_: logged.append(texts)))
    other = Channel()

    prepare([Instance("broken", Channel(raising(error))), Instance("other", other)])

    assert other.prepared.is_set()
    assert logged == []  # the first message says what is wrong, if it still is


def test_a_notifier_without_preparation_is_left_alone():
    prepare([Instance("plain", SimpleNamespace(send=None))])


def test_a_preparation_that_hangs_delays_the_start_no_longer_than_its_limit(monkeypatch):
    monkeypatch.setattr(preparation, "PREPARATION_LIMIT", 0.1)
    ended = threading.Event()
    channel = Channel(ended.wait)
    started = time.monotonic()

    prepare([Instance("hanging", channel)])

    assert time.monotonic() - started < 5 and not channel.prepared.is_set()
    ended.set()
    assert channel.prepared.wait(5)
