"""Ends the sleep of MiniStack's poller of event source mappings when something is due, which it would find too late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable


class PollerWake:
    """Replaces the event on which the poller sleeps; it clears the event before it looks at all mappings.

    event: set by what sends records
    due: times at which there is something to do (time.time()), in any order; those that the poller has seen are ignored
    """

    def __init__(self, event: threading.Event, due: Callable[[], Iterable[float]]) -> None:
        self._event = event
        self._due = due
        self._looked = 0.0

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._looked = time.time()
        self._event.clear()

    def wait(self, timeout: float) -> bool:
        """Wait until the event is set, something is due, or the time is over; return whether the event is set."""
        next_due = min((moment for moment in self._due() if moment > self._looked), default=float("inf"))
        return self._event.wait(max(0.0, min(timeout, next_due - time.time())))
