from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import lambda_svc, sqs

from batchbell_local.ministack import event_source_mappings
from batchbell_local.ministack.poller_wake import PollerWake
from tests.waiting import within

LONG = 60.0  # seconds


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


ARN = "arn:aws:sqs:us-east-1:123456789012:intake"


@pytest.fixture
def mapping(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The one mapping of a MiniStack in this process; its queue has a record that is visible in 0.1 s."""
    mapping: dict[str, Any] = {"UUID": "1", "EventSourceArn": ARN, "BatchSize": 10}
    queues = AccountRegionScopedDict()
    queues["intake"] = {"attributes": {"QueueArn": ARN}, "messages": [{"visible_at": time.time() + 0.1}]}
    monkeypatch.setattr(sqs, "_queues", queues)
    monkeypatch.setattr(sqs, "_receive_messages_for_esm", lambda queue, records: [])
    monkeypatch.setattr(lambda_svc, "_iter_all_esms", lambda: iter([("123456789012", "us-east-1", mapping)]))
    monkeypatch.setattr(lambda_svc, "_esm_wake", threading.Event())
    event_source_mappings._collect_in_windows()
    return mapping


def test_a_record_that_becomes_visible_is_due(mapping: dict[str, Any]) -> None:
    with within(10):
        assert not lambda_svc._esm_wake.wait(LONG)


def test_a_record_whose_mapping_is_disabled_is_not_due(mapping: dict[str, Any]) -> None:
    mapping["Enabled"] = False
    started = time.monotonic()

    assert not lambda_svc._esm_wake.wait(0.3)
    assert time.monotonic() - started >= 0.3
