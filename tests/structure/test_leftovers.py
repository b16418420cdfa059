"""What tests leave behind fails their session, by name."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import leftovers
from tests.leftovers import nothing_left_over

pytestmark = pytest.mark.installed  # starts a shell


def start_an_orphan() -> None:
    """Start a process whose parent ends before it."""
    subprocess.run(["sh", "-c", "sleep 600 & exit 0"], check=True, stdout=subprocess.DEVNULL)


def open_a_port() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def make_a_folder() -> None:
    Path(tempfile.mkdtemp(prefix="forgotten-"))


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
