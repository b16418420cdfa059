"""A fake of Slack's that listens on a port of this machine, and can disappear and come back."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from batchbell.testing.faulty_server import FaultyServer, Request, Response

CONNECTIONS = Path("/proc/net/tcp")  # proc(5)
ESTABLISHED = "01"


class Listening(ABC):
    """Start it with `start()`, use it as a context manager or call `stop()`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._port = 0
        self._server: FaultyServer | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()

    @classmethod
    def start(cls, *arguments: Any) -> Self:
        """Start one on a free port of 127.0.0.1."""
        one = cls(*arguments)
        one.listen()
        return one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _receive(self, request: Request) -> Response:
        """Choose the response to a request."""

    def open_connections(self) -> int:
        """How many connections to it are established; 0 on other systems than Linux."""
        if not CONNECTIONS.exists():
            return 0
        port = f":{self._port:04X}"
        rows = [line.split() for line in CONNECTIONS.read_text("ascii").splitlines()[1:]]
        return sum(row[2].endswith(port) and row[3] == ESTABLISHED for row in rows)

    def listen(self) -> None:
        """Open the port; the same one again after `stop_listening()` or `kill()`."""
        if self._server is None:
            self._server = FaultyServer(self._port, self._receive, self._stopped.wait)
            self._port = self._server.port
            self._server.begin(self._name)

    def stop_listening(self) -> None:
        """Close the port: new connections are refused, open ones stay open."""
        server, self._server = self._server, None
        if server is not None:
            server.end()

    def kill(self) -> None:
        """Close the port and cut every open connection, as if the process had died."""
        server = self._server
        self.stop_listening()
        if server is not None:
            server.cut_connections()

    def stop(self) -> None:
        """End it for good. Safe to call again."""
        self._stopped.set()
        self.kill()


class RateLimit:
    """Allows `per_second` calls a second after a burst of `burst`."""

    def __init__(self, per_second: float, burst: int = 1, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._now = per_second, burst, now
        self._allowance, self._counted = float(burst), now()

    def take(self) -> bool:
        """Count a call, if it is allowed."""
        now = self._now()
        self._allowance = min(self._burst, self._allowance + (now - self._counted) * self._per_second)
        self._counted = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True
