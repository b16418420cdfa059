"""Shows the messages of a queue that are delayed, and makes them due, so that a test need not wait for hours."""

from __future__ import annotations

import time
from typing import Any

from ministack.services import lambda_svc, sqs

Json = dict[str, Any]


def waiting(queue_url: str) -> list[Json]:
    """Return the messages that nobody has received yet: {"body", "due"}, the seconds until each is visible."""
    now = time.time()
    with sqs._queues_lock:
        return [{"body": one["body"], "due": max(0.0, one["visible_at"] - now)} for one in _unreceived(queue_url)]


def make_due(queue_url: str) -> int:
    """Make all delayed messages visible; return how many."""
    now = time.time()
    with sqs._queues_lock:
        delayed = [one for one in _unreceived(queue_url) if one["visible_at"] > now]
        for message in delayed:
            message["visible_at"] = now
    lambda_svc._esm_wake.set()
    return len(delayed)


def _unreceived(queue_url: str) -> list[Json]:
    return [message for message in sqs._get_q(queue_url)["messages"] if message["receive_count"] == 0]
