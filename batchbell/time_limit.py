"""Limits the time of a whole exchange with a channel: name resolution, TLS, a slow response. Standard library only.

Socket timeouts do not: each byte that arrives restarts them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["SEND_LIMIT", "call_within"]

SEND_LIMIT = 8.0  # seconds for a whole `send`: half of what the dispatcher has for all sends of an invocation

T = TypeVar("T")


def call_within(seconds: float, exchange: Callable[[], T]) -> T:
    """Return or raise what `exchange` does, or raise TimeoutError after `seconds`.

    `exchange` runs in a thread of its own, which after a timeout continues until the other side ends it.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(exchange())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="exchange").start()
    return outcome.result(max(0.0, seconds))
