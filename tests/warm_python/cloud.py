"""Runs `batchbell_local.server`; the processes of its functions are forked, where functions.py can fork them.

Its arguments are the path of the socket on which functions.py listens, then those of the module.
"""

from __future__ import annotations

import inspect
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

MODULE = "batchbell_local.server"
LAUNCHER, SCRIPT = "functions/python", "_worker.py"  # batchbell_local/ministack/functions.py, MiniStack
PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")  # parameters of subprocess.Popen
STREAMS = ("p2cread", "c2pwrite", "errwrite")


class FunctionPopen(subprocess.Popen[Any]):
    """A process that is forked if it is one of a function with this project's package, and started as usual if not.

    A forked one is not this process's child: its exit code is unknown, and given as 0.
    """

    templates: str  # the socket's path
    _descriptor: int | None = None  # of a forked process (pidfd_open(2))

    def _execute_child(self, *arguments: Any) -> None:
        this: Any = self
        usual = super()._execute_child  # type: ignore[misc]
        given = inspect.signature(usual).bind(*arguments).arguments
        process = self._fork(given)
        if process < 0:
            usual(*arguments)
            return
        this.pid = process
        this._child_created = True
        this._close_pipe_fds(*(given[name] for name in PIPES))
        try:
            self._descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            self.returncode = 0

    def _fork(self, given: dict[str, Any]) -> int:
        """Return the id of the forked process, or -1."""
        launcher, script = (
            map(Path, (*given["args"], "", "")[:2]) if isinstance(given["args"], list) else (Path(), Path())
        )
        has_package = given["cwd"] is not None and Path(given["cwd"], "batchbell").is_dir()
        if not (str(launcher).endswith(LAUNCHER) and script.name == SCRIPT and has_package):
            return -1
        order = {
            "script": str(script),
            "folder": given["cwd"],
            "environment": given["env"],
            "runtime": str(launcher.with_name("runtime")),
        }
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(self.templates)
            socket.send_fds(connection, [json.dumps(order).encode()], [given[name] for name in STREAMS])
            return int(connection.recv(32) or b"-1")

    def send_signal(self, sig: int) -> None:
        if self._descriptor is None:
            super().send_signal(sig)
        elif self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, sig)

    def _internal_poll(self, *arguments: Any, **options: Any) -> int | None:
        if self._descriptor is None:
            return super()._internal_poll(*arguments, **options)  # type: ignore[misc,no-any-return]
        self._look(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self._descriptor is None:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        self._look(timeout)
        if self.returncode is None and timeout is not None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def _look(self, timeout: float | None) -> None:
        """Note whether the process has ended, after `timeout` seconds at the latest."""
        ended = select.poll()
        ended.register(self._descriptor or -1, select.POLLIN)
        if self.returncode is None and ended.poll(None if timeout is None else timeout * 1000):
            self.returncode = 0

    def __del__(self, *arguments: Any, **options: Any) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor, self.returncode = None, 0
        super().__del__(*arguments, **options)


if __name__ == "__main__":
    FunctionPopen.templates = sys.argv.pop(1)
    subprocess.Popen = FunctionPopen  # type: ignore[misc]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
