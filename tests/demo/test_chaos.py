from __future__ import annotations

import json
import subprocess
import sys

import pytest

from demo.chaos import ending, fault_schedule, run
from demo.chaos.__main__ import command
from demo.chaos.live_jobs import SHARE
from tests.waiting import FACTOR, patience, slowness

NOTIFIERS = ("slack", "bot", "email", "sns")
JOBS = 16


@pytest.fixture
def quick(monkeypatch, in_this_process):
    """Runs take half as long, on an idle machine."""
    for module in (run, fault_schedule):
        monkeypatch.setattr(module, "INTERVAL", slowness())  # s
    monkeypatch.setattr(run, "FUNCTION_TIMEOUT", run.FUNCTION_TIMEOUT * FACTOR)
    monkeypatch.setattr(ending, "DRAIN_TIMEOUT", patience(ending.DRAIN_TIMEOUT))
    monkeypatch.setattr(run, "BOARDS_TIMEOUT", patience(run.BOARDS_TIMEOUT))


def test_while_everything_fails_nothing_is_lost_and_each_duplicate_is_marked(quick, in_this_process):
    done = in_this_process(command, "--jobs", str(JOBS), "--seed", "11", "--json")

    assert done.exit_code == 0, done.output
    audit = json.loads(done.stdout)
    assert (audit["accepted"], audit["lost"], audit["wrong"]) == (JOBS, 0, [])
    for name in NOTIFIERS:
        dead = {one["job"] for one in audit["each_dead_letter"] if one["notifier"] in (name, "*")} - {""}
        assert audit["delivered"][name] + len(dead) >= JOBS
    assert all(one["marked"] and one["cause"] for one in audit["each_duplicate"])
    assert round(JOBS * SHARE) // 2 <= audit["boards"]["posts"] <= round(JOBS * SHARE)
    assert audit["refused"]
    dead = {one["job"] for one in audit["each_dead_letter"] if one["notifier"] == "slack"}
    assert dead >= set(audit["refused"])
    assert {"deploy of the next version", "rollback"} <= audit["faults"].keys()
    # Most faults are random, but a good part of them has hit something.
    assert len(audit["faults"]) >= 5


def test_bad_arguments_are_refused_before_anything_starts(project):
    arguments = [sys.executable, "-m", "demo.chaos", "--jobs", "0"]
    done = subprocess.run(arguments, cwd=project, capture_output=True, text=True, timeout=patience(30))

    assert (done.returncode, done.stdout) == (2, "")
    assert "--jobs" in done.stderr
