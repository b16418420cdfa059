"""Limits the time of a whole exchange with a channel: name resolution, TLS, a slow response. Standard library only.

Socket timeouts do not: each byte that arrives restarts them. What a timed-out exchange has opened is closed, since a
Lambda process lives for hours and may have 1,024 descriptors (AWS Lambda Developer Guide, "Lambda quotas").
"""

from __future__ import annotations

import functools
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["SEND_LIMIT", "Connections", "Exchange", "call_within"]

SEND_LIMIT = 8.0  # seconds for a whole `send`: half of what the dispatcher has for all sends of an invocation

T = TypeVar("T")


class Connections:
    """The sockets that exchanges have opened.

    A client that keeps connections open needs one for all of its exchanges: a later exchange may use an earlier one's
    connection.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: set[tuple[int, int]] = (
            set()
        )  # a descriptor, and the inode that shows whether it is still this one

    def add(self, descriptor: int) -> None:
        """Remember a socket, and forget those that are closed by now."""
        with self._lock:
            self._opened = {one for one in self._opened if _inode(one[0]) == one[1]}
            self._opened.add((descriptor, _inode(descriptor)))

    def close(self) -> None:
        """End what waits on the sockets, in any thread: reading returns nothing, writing raises."""
        with self._lock:
            opened, self._opened = self._opened, set()
        for descriptor, inode in opened:
            try:
                # The duplicate cannot become another socket between the comparison and the shutdown.
                duplicate = socket.socket(fileno=os.dup(descriptor))
            except OSError:
                continue
            with duplicate:
                if _inode(duplicate.fileno()) == inode:
                    _shut(duplicate)


class Exchange:
    """What runs in one thread until it ends or is abandoned. An abandoned one opens no connection any more."""

    def __init__(self, connections: Connections | None = None) -> None:
        self.connections = connections or Connections()
        self.abandoned = False
        self.inner: list[Exchange] = []  # `call_within` in this one

    def abandon(self) -> None:
        """Close what it has opened."""
        self.abandoned = True
        self.connections.close()
        for one in self.inner:
            one.abandon()

    @contextmanager
    def here(self) -> Iterator[None]:
        """The sockets that this thread opens in the block belong to this exchange."""
        _watch_sockets()
        before = getattr(_thread, "exchange", None)
        _thread.exchange = self
        try:
            yield
        finally:
            _thread.exchange = before


def call_within(seconds: float, exchange: Callable[[], T], connections: Connections | None = None) -> T:
    """Return or raise what `exchange` does, or raise TimeoutError after `seconds`.

    exchange: runs in a thread of its own. After a timeout its sockets are closed, which ends it.
    connections: of a client that keeps connections open between exchanges.
    """
    outcome: Future[T] = Future()
    watched = Exchange(connections)
    if (outer := getattr(_thread, "exchange", None)) is not None:
        outer.inner.append(watched)

    def run() -> None:
        try:
            with watched.here():
                outcome.set_result(exchange())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="exchange").start()
    try:
        return outcome.result(max(0.0, seconds))
    except TimeoutError:
        if not outcome.done():
            watched.abandon()
        raise


_thread = threading.local()


@functools.cache
def _watch_sockets() -> None:
    """Watch with an audit hook: it sees each library's sockets, before they connect."""
    sys.addaudithook(_note_socket)


def _note_socket(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    exchange: Exchange | None = getattr(_thread, "exchange", None)
    if exchange is None:
        return
    if exchange.abandoned:
        raise TimeoutError("the exchange has timed out")
    if event == "socket.connect":
        exchange.connections.add(arguments[0].fileno())


def _inode(descriptor: int) -> int:
    """0 if the descriptor is closed."""
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return 0


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side has ended it
