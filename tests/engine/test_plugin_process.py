"""The plug-in's process, as a language host starts it: `python FOLDER ENGINE`."""

from __future__ import annotations

import subprocess
import sys

from tests.waiting import patience

PATIENCE = 10.0  # s of an idle machine; it looks twice a second


def test_it_ends_when_who_has_started_it_is_gone(project):
    host = subprocess.Popen(
        ["sh", "-c", '"$@" & echo $!; wait', "host", sys.executable, str(project / "plugin"), "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with host:
        assert host.stdout
        started = [int(host.stdout.readline()), int(host.stdout.readline())]  # the plug-in's process and port
        host.kill()
        rest, _ = host.communicate(timeout=patience(PATIENCE))  # until the plug-in no longer has it open

    assert all(started) and rest == ""
