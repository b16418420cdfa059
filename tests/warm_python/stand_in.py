"""Stands for a process of this Python that stand_in_server.py forks: has its streams, passes signals on, ends with it.

It runs as `python -I -S stand_in.py SOCKET OPTION...`; the options are those of the Python that it stands for. It is
for programs that are started by others than the tests, and imports little: its start takes 0.03 s.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main() -> int:
    path, *options = sys.argv[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(path)
        order = {"options": options, "folder": os.getcwd(), "environment": dict(os.environ)}
        signal.signal(signal.SIGINT, lambda *_: os.kill(process, signal.SIGINT))
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        socket.send_fds(server, [json.dumps(order).encode()], [0, 1, 2])
        process = int(server.recv(32))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        return int(server.recv(32))


if __name__ == "__main__":
    sys.exit(main())
