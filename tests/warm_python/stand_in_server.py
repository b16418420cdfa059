"""Forks processes for those that stand in for them (stand_in.py), and kills one whose stand-in ends before it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

from tests.warm_python import order_for, warm_python

STAND_IN = Path(__file__).with_name("stand_in.py")
ORDER_LIMIT = 150_000  # bytes


class StandInServer:
    """Serves a socket of the file system until it is stopped."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="stand-in-"))
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(str(self._folder / "socket"))
        self._listening.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def python(self) -> list[str]:
        """What takes the place of `sys.executable` in a command."""
        return [sys.executable, "-I", "-S", str(STAND_IN), str(self._folder / "socket")]

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        shutil.rmtree(self._folder)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # stopped
                return
            threading.Thread(target=_fork, args=(connection,), daemon=True).start()


def _fork(connection: socket.socket) -> None:
    """Fork the process that is ordered, and wait until it or its stand-in ends."""
    with connection:
        text, streams, _, _ = socket.recv_fds(connection, ORDER_LIMIT, 3)
        asked = json.loads(text)
        order = order_for([sys.executable, *asked["options"]], asked["folder"], asked["environment"])
        assert order is not None, asked["options"]
        process = warm_python.fork(order, streams)
        for descriptor in streams:
            os.close(descriptor)
        connection.send(str(process).encode())
        ended = os.pidfd_open(process)
        watched: list[socket.socket | int] = [connection, ended]
        readable, _, _ = select.select(watched, [], [])
        if ended not in readable:
            signal.pidfd_send_signal(ended, signal.SIGKILL)
        os.close(ended)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if connection not in readable:
            connection.send(str(status).encode())
