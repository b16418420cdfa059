"""`WarmPopen` is a `subprocess.Popen` that forks its Python programs from a process that has imported much already.

A local AWS that it forks forks the processes of its functions, too: cloud.py, functions.py.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from batchbell_local.deployment import NO_ACCOUNT

OF_TESTS = ("AWS_", "BOTO", "PYTHON")  # variables that the test has set which needs the server first
SERVER = Path(__file__).with_name("server.py")
CLOUD = Path(__file__).with_name("cloud.py")
CLOUDS_MODULE = "batchbell_local.server"
FUNCTIONS = Path(__file__).with_name("functions.py")
OF_FUNCTIONS = ("-I", "-S", "-B", "-X", "utf8")  # batchbell_local/ministack/functions.py
PYTHON = sys.executable
SITES: dict[str, Path] = {}  # Pythons of other environments that are forked too: what each has besides this one's
FORKED = re.compile(  # the words after Python, separated by \0: `-m` or `-P -m` and a module, or `-P` and a file
    r"(?P<flag>-P\0)?(?P<arguments>(?:-m\0(?P<module>[\w.]+)|(?<=-P\0)(?P<file>/[^\0]+\.py))(?:\0.*)?)",
    re.DOTALL,
)
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")  # parameters of subprocess.Popen


class WarmPython:
    """The process of server.py, which starts when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: tuple[socket.socket, subprocess.Popen[bytes]] | None = None

    def fork(self, order: dict[str, Any], descriptors: list[int]) -> int:
        """Start a process, and return its id."""
        with self._lock:
            if self._server is None:
                self._server = _start()
            connection, _ = self._server
            socket.send_fds(connection, [json.dumps(order).encode()], descriptors)
            return int(connection.recv(32))

    def stop(self) -> None:
        """End it; the processes that it forked go on."""
        with self._lock:
            if self._server is not None:
                connection, process = self._server
                connection.close()
                process.wait()
                self._server = None


class WarmFunctions:
    """The process of functions.py, which starts when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Make the folder of its files: before a test which looks for what is left in its own temporary folder."""
        self._folder = Path(tempfile.mkdtemp(prefix="warm-functions-"))

    def socket(self) -> Path:
        """The path of the socket that takes orders."""
        with self._lock:
            assert self._folder is not None
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, *OF_FUNCTIONS, str(FUNCTIONS), str(self._folder / "socket"), str(self._folder)],
                    env={},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )
                assert self._process.stdout is not None
                self._process.stdout.readline()
            return self._folder / "socket"

    def stop(self) -> None:
        """End it; the processes that it forked go on."""
        with self._lock:
            if self._process is not None:
                self._process.terminate()  # some test has copies of all descriptors: the pipe would stay open
                self._process.communicate()
                self._process = None
            if self._folder is not None:
                shutil.rmtree(self._folder)
                self._folder = None


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", str(SERVER), str(theirs.fileno())],
            env={name: value for name, value in os.environ.items() if not name.startswith(OF_TESTS)} | NO_ACCOUNT,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return ours, process


warm_python = WarmPython()
warm_functions = WarmFunctions()


def order_for(command: Sequence[object], folder: str, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """The order for a process that is to run this command with its standard streams; None if none is forked for it."""
    python, *options = map(str, command)
    program = FORKED.fullmatch("\0".join(options)) if python in (PYTHON, *SITES) else None
    if program is None:
        return None
    words = program["arguments"].removeprefix("-m\0").split("\0")
    is_cloud = program["module"] == CLOUDS_MODULE
    return {
        "module": None if is_cloud else program["module"],
        "file": str(CLOUD) if is_cloud else program["file"],
        "arguments": [str(CLOUD), str(warm_functions.socket()), *words[1:]] if is_cloud else words,
        "path": [*([] if program["flag"] else [folder]), *([str(SITES[python])] if python in SITES else [])],
        "folder": folder,
        "environment": dict(environment),
        "numbers": [0, 1, 2],
        "new_session": False,
    }


class WarmPopen(subprocess.Popen[Any]):
    """A process that is forked if it runs a module or a file with this Python, and started as any other if not.

    It is this one's child, with the descriptors, variables and folder that it would have otherwise.
    """

    def _execute_child(self, *arguments: Any) -> None:
        this: Any = self
        usual = super()._execute_child  # type: ignore[misc]
        given = inspect.signature(usual).bind(*arguments).arguments
        folder = os.path.abspath(given["cwd"] or os.getcwd())
        environment = os.environ if given["env"] is None else given["env"]
        order = order_for(given["args"], folder, environment)
        if order is None:
            usual(*arguments)
            return
        sys.audit("subprocess.Popen", sys.executable, given["args"], folder, environment)
        streams = [given[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        order |= {"numbers": [0, 1, 2, *given["pass_fds"]], "new_session": given["start_new_session"]}
        inherited = [number if descriptor == -1 else descriptor for number, descriptor in enumerate(streams)]
        this.pid = warm_python.fork(order, [*inherited, *given["pass_fds"]])
        this._child_created = True
        this._close_pipe_fds(*(given[name] for name in PIPES))


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends, which would otherwise be out of sight."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# In place of the module `subprocess`. Elsewhere than on Linux no process adopts the child of another.
warm_subprocess: Any = (
    SimpleNamespace(**{**vars(subprocess), "Popen": WarmPopen}) if sys.platform == "linux" else subprocess
)
