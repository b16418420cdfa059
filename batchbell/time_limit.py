"""Bounds a whole exchange with a channel: name look-up, TLS, an answer that drips in. The time-outs of sockets do not:
each byte that comes starts them anew. Standard library only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["SEND_LIMIT", "call_within"]

SEND_LIMIT = 8.0  # seconds for a whole `send`: half of what the dispatcher has for all sends of an invocation

T = TypeVar("T")


def call_within(seconds: float, exchange: Callable[[], T]) -> T:
    """What `exchange` gives or raises, or TimeoutError after so many seconds.

    It runs in a thread of its own, which then goes on alone until the other side ends it.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(exchange())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="exchange").start()
    return outcome.result(max(0.0, seconds))
