"""The plug-in's process, as a language host starts it: `python FOLDER ENGINE`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.waiting import patience

PATIENCE = 10.0  # s of an idle machine; it looks twice a second
HOST = """
import subprocess, sys
plugin = subprocess.Popen(sys.argv[1:])
print(plugin.pid, flush=True)
plugin.wait()
"""


def test_ctrl_c_does_not_end_it_but_the_end_of_who_has_started_it_does_without_a_word(project):
    command = [sys.executable, "-c", HOST, sys.executable, str(project / "plugin"), "127.0.0.1:1"]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with host:
        assert host.stdout
        plugin, port = int(host.stdout.readline()), int(host.stdout.readline())
        os.kill(plugin, signal.SIGINT)
        host.kill()
        rest, _ = host.communicate(timeout=patience(PATIENCE))  # until the plug-in no longer has it open

    assert port and rest == ""
