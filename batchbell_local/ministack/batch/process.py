"""Runs a job's command as a real process, in a process group and a folder of its own, without this environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

GRACE = 2.0  # seconds between SIGTERM and SIGKILL (Amazon ECS waits 30)
PIPE_TIMEOUT = 1.0  # seconds that a process outside the group may hold the output open after the end
OUTPUT_LIMIT = 1_048_576  # bytes of output kept per attempt, since MiniStack keeps logs in memory
LINE_LIMIT = 262_144  # bytes, the largest event of CloudWatch Logs


class CannotStart(Exception):
    """The command could not be started; the text is like Amazon ECS's container reason."""


class RunningCommand:
    """A started command. `read` receives its output (stdout and stderr) as lists of lines, while it runs."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], folder: Path, read: Callable[[list[str]], None]
    ) -> None:
        """Start `command` in the new `folder`, which is removed at the end. Raises CannotStart."""
        folder.mkdir()
        self._folder = folder
        self._lock = threading.Lock()
        self._over = False
        try:
            self._process = subprocess.Popen(
                list(command),
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as failure:
            folder.rmdir()
            raise CannotStart(_container_reason(command[0], failure)) from None
        self._reader = threading.Thread(target=self._read, args=(read,), daemon=True, name="batch-output")
        self._reader.start()

    def wait(self) -> int:
        """Wait for the end; return the exit code, which is 128 + N after signal N, as for a container."""
        code = self._process.wait()
        with self._lock:
            self._over = True
            # A container ends with its first process, and all other processes with it.
            self._signal(signal.SIGKILL)
        self._reader.join(PIPE_TIMEOUT)
        shutil.rmtree(self._folder, ignore_errors=True)
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """Send SIGTERM to all of its processes, and SIGKILL after GRACE seconds. Returns at once."""
        with self._lock:
            if self._over:
                return
            self._signal(signal.SIGTERM)
        timer = threading.Timer(GRACE, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """Kill all of its processes, if it still runs."""
        with self._lock:
            if not self._over:
                self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # It leads a session of its own: the group has the process's number, which is not reused while the group exists.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self, read: Callable[[list[str]], None]) -> None:
        stream = self._process.stdout
        assert stream is not None
        rest, taken = b"", 0
        with stream:
            # read1 instead of readline, to pass on what is there at once, many lines at a time.
            while chunk := stream.read1(65_536):  # type: ignore[attr-defined]
                if taken >= OUTPUT_LIMIT:
                    continue
                taken += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) >= LINE_LIMIT:
                    lines, rest = [*lines, rest], b""
                if taken >= OUTPUT_LIMIT:
                    lines, rest = [*lines, rest, b"[the rest of the output is not kept]"], b""
                if lines:
                    read([line.decode(errors="replace") for line in lines])
        if rest:
            read([rest.decode(errors="replace")])


def _container_reason(program: str, failure: OSError | ValueError) -> str:
    if isinstance(failure, FileNotFoundError):
        cause = "executable file not found in $PATH"
    elif isinstance(failure, PermissionError):
        cause = "permission denied"
    else:
        cause = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)
    return (
        "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create "
        f'shim task: OCI runtime create failed: unable to start container process: exec: "{program}": {cause}: unknown'
    )
