"""Runs calls at the same time, each in a thread, and waits for them no longer than there is time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline


def run(calls: Sequence[Callable[[], None]], deadline: Deadline) -> Sequence[bool]:
    """Return when all calls are done or the deadline has passed: whether each of them is done. Threads are daemons."""
    threads = [threading.Thread(target=_quietly, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.left)
    return [not thread.is_alive() for thread in threads]


def _quietly(call: Callable[[], None]) -> None:
    """Log the type of an exception alone: Python would print its text, which may hold a secret."""
    try:
        call()
    except BaseException as error:
        logger.error("a thread ended early", reason=type(error).__name__)
