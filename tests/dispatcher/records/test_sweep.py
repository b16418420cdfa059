"""The schedule's record."""

from __future__ import annotations

import json

import pytest

from batchbell.dispatcher.records.parse import UnreadableRecord, parse_record
from batchbell.dispatcher.records.sweep import Sweep


@pytest.mark.parametrize("body", [{"sweep": 1}, {"sweep": 1, "more": {"fields": []}}])
def test_the_record_of_the_schedule_asks_for_a_sweep(body):
    assert parse_record(json.dumps(body), 0.0) == Sweep(1)


def test_a_record_of_a_newer_version_asks_for_a_sweep_too():
    assert parse_record('{"sweep": 7, "queues": ["nightly"]}', 0.0) == Sweep(7)


@pytest.mark.parametrize("version", [0, -1, 1.5, True, None, "1", [], {}])
def test_a_record_with_an_odd_version_is_unreadable(version):
    with pytest.raises(UnreadableRecord, match="not a sweep: its version is not a number from 1 on"):
        parse_record(json.dumps({"sweep": version}), 0.0)
