"""Passes events and log lines of jobs to MiniStack, in order, on the thread of its handlers.

MiniStack's handlers run on one event loop, and its stores have no locks. Its SQS handlers, for example, replace a
queue's list of messages while they work, so a message that another thread appends meanwhile is lost.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable

logger = logging.getLogger("batch")

CHUNK = 25  # deliveries in a row before other requests are served
FULL = 2_000  # waiting deliveries at which the job threads pause, so that an array of 10,000 never fills the memory


class EventLoopQueue:
    """A queue of deliveries. Any thread may `put`; deliveries run one at a time on the attached loop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run deliveries on this loop, MiniStack's own, from now on."""
        self._loop = loop

    def put(self, delivery: Callable[[], None]) -> None:
        with self._changed:
            self._waiting.append(delivery)
            if self._draining or self._loop is None:
                return
            self._draining = True
        try:
            self._loop.call_soon_threadsafe(self._drain, self._loop)
        except RuntimeError:  # the loop is closed: MiniStack is ending
            logger.debug("a delivery came after the end")

    def wait_for_room(self) -> None:
        """Block until fewer than FULL deliveries are waiting. Never call it on the loop's own thread."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < FULL)

    def clear(self) -> None:
        """Drop all waiting deliveries."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(CHUNK):
            with self._changed:
                if not self._waiting:
                    self._draining = False
                    return
                delivery = self._waiting.popleft()
                self._changed.notify_all()
            try:
                delivery()
            except Exception:
                logger.exception("a delivery failed")
        loop.call_soon(self._drain, loop)
