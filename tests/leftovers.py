"""Finds what a session of tests left behind: processes, ports, and files in the system's temporary folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import Limit
from tests.warm_python import adopt_orphans

PATIENCE = 10  # seconds of an idle machine in which processes may still be ending
LISTENING = "0A"  # state of a socket in /proc/net/tcp
PYTESTS_OWN = "pytest-of-"  # of a pytest that a test started
OWN_FOLDER = "batchbell-tests-"  # each is locked by its session, until its process ends


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """Fail if a process, port or temporary file of the block remains after it; name it.

    The temporary folder is a new one meanwhile, so that nobody else's files are in it. Processes and ports are found on
    Linux only.
    """
    adopt_orphans()
    ports, running = _own_ports(), set(_descendants())
    folder = Path(tempfile.mkdtemp(prefix=OWN_FOLDER))
    with _locked(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(folder))
            patch.setenv("TMPDIR", str(folder))
            yield

        limit = Limit(PATIENCE)
        while (left := _leftovers(ports, running, folder)) and not limit.passed:
            time.sleep(0.05)
        for process in set(_descendants()) - running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    if left:
        pytest.fail("the tests left behind:\n" + "\n".join(left), pytrace=False)


def remove_abandoned_folders() -> None:
    """Remove the temporary folders of sessions whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{OWN_FOLDER}*"):
        with contextlib.suppress(OSError), _locked(folder):  # BlockingIOError: its session runs
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system releases when this process ends. Raises OSError if another one has it.

    Processes that a test starts do not inherit it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _leftovers(ports: set[str], running: set[int], folder: Path) -> list[str]:
    return [
        *(f"process {process}: {_command(process)}" for process in _descendants() if process not in running),
        *(f"a listening socket of this process: {address}" for address in sorted(_own_ports() - ports)),
        *(
            f"in the temporary folder: {path.name}"
            for path in folder.iterdir()
            if not path.name.startswith(PYTESTS_OWN)
        ),
    ]


def _descendants() -> list[int]:
    """Return the processes that this one started, directly or not, and that still run."""
    children = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            children[int(parent)].append((int(entry.name), state))
    found, parents = [], [os.getpid()]
    while parents:
        for process, state in children[parents.pop()]:
            parents.append(process)
            if state not in "ZX":  # ended, and not collected yet
                found.append(process)
    return found


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:300]
    except OSError:
        return "ended meanwhile"


def _own_ports() -> set[str]:
    """Return ADDRESS:PORT, in the kernel's notation, of every TCP socket on which this process listens."""
    own = set()
    for entry in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            own.add(os.readlink(entry))
    tables = [table for name in ("tcp", "tcp6") if (table := Path("/proc/net") / name).exists()]
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == LISTENING and f"socket:[{row[9]}]" in own}
