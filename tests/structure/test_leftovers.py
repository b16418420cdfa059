"""What tests leave behind fails their session, by name."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import leftovers
from tests.leftovers import nothing_left_over, remove_abandoned_folders

pytestmark = pytest.mark.installed  # starts a shell


def start_an_orphan() -> None:
    """Start a process whose parent ends before it."""
    subprocess.run(["sh", "-c", "sleep 600 & exit 0"], check=True, stdout=subprocess.DEVNULL)


def open_a_port() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def make_a_folder() -> None:
    Path(tempfile.mkdtemp(prefix="forgotten-"))


# A session that shows its temporary folder, and then waits.
SESSION = """
import tempfile, time
from tests.leftovers import nothing_left_over
with nothing_left_over():
    open(tempfile.gettempdir() + "/kept", "w").close()
    print(tempfile.gettempdir(), flush=True)
    time.sleep(600)
"""


def test_the_folder_of_a_killed_session_is_removed_and_that_of_a_running_one_is_not(project: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SESSION], cwd=project, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout
        folder = Path(session.stdout.readline().strip())
        remove_abandoned_folders()
        while_it_runs = (folder / "kept").exists()
        session.kill()
    remove_abandoned_folders()

    assert (while_it_runs, folder.exists()) == (True, False)


@pytest.mark.parametrize(
    ("leave", "named"),
    [
        (start_an_orphan, r"process \d+: sleep 600"),
        (open_a_port, "a listening socket of this process: 0100007F:"),
        (make_a_folder, "in the temporary folder: forgotten-"),
    ],
)
def test_what_is_left_is_named(leave: Callable[[], Any], named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE", 0.1)
    left: list[Any] = []
    with pytest.raises(pytest.fail.Exception, match=named), nothing_left_over():
        left.append(leave())
    for one in left:
        if isinstance(one, socket.socket):
            one.close()
