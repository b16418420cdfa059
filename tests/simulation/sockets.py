"""Sockets of simulated processes: descriptors that are counted, and that another thread may shut."""

from __future__ import annotations

import errno
import socket
import sys
import types
from typing import Any

from tests.simulation.scheduler import Scheduler, Socket

DESCRIPTORS = 1_024  # Lambda's limit for a process (Lambda Developer Guide, "Lambda quotas")
FIRST = 1_000_000  # no descriptor of this process has such a number


class Connection:
    """A connection to a channel, open until it is closed, or its reader sees that it was shut."""

    def __init__(self, scheduler: Scheduler) -> None:
        assert scheduler.current is not None
        self._scheduler, self._process = scheduler, scheduler.current.process
        if len(self._process.sockets) >= DESCRIPTORS:
            raise OSError(errno.EMFILE, "Too many open files")
        number = FIRST + scheduler.steps
        while number in self._process.sockets:
            number += 1
        self._socket = Socket(number, self._process.ran_until(scheduler.now))
        self._process.sockets[number] = self._socket
        try:
            # Python raises this event when a socket connects: what watches sockets sees these, too.
            sys.audit("socket.connect", self._socket, ("simulated", 443))
        except BaseException:
            self.close()
            raise

    def wait(self, seconds: float) -> None:
        """Wait for the other side. Raises ConnectionResetError if the socket is shut meanwhile."""
        self._socket.reader = self._scheduler.current
        if not self._socket.shut:
            self._scheduler.wait(seconds)
        self._socket.reader = None
        if self._socket.shut:
            raise ConnectionResetError("the socket was shut")

    def close(self) -> None:
        self._process.sockets.pop(self._socket.descriptor, None)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _find(scheduler: Scheduler, descriptor: int) -> Socket:
    found = scheduler.current.process.sockets.get(descriptor) if scheduler.current else None
    if found is None:
        raise OSError(errno.EBADF, "Bad file descriptor")
    return found


class Os:
    """The part of `os` that looks at descriptors."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def fstat(self, descriptor: int) -> Any:
        return types.SimpleNamespace(st_ino=_find(self._scheduler, descriptor).descriptor)

    def dup(self, descriptor: int) -> int:
        return _find(self._scheduler, descriptor).descriptor

    def __getattr__(self, name: str) -> Any:
        import os

        return getattr(os, name)


class Sockets:
    """The part of `socket` that shuts another thread's."""

    SHUT_RDWR = socket.SHUT_RDWR

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def socket(self, fileno: int) -> Shut:
        return Shut(self._scheduler, _find(self._scheduler, fileno))


class Shut:
    """Another descriptor of the same socket."""

    def __init__(self, scheduler: Scheduler, of: Socket) -> None:
        self._scheduler, self._of = scheduler, of

    def fileno(self) -> int:
        return self._of.descriptor

    def shutdown(self, how: int) -> None:
        self._of.shut = True
        if self._of.reader is not None:
            self._scheduler.wake(self._of.reader)

    def __enter__(self) -> Shut:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes only this one."""
