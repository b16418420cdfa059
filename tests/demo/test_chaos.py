from __future__ import annotations

import json
import subprocess
import sys

NOTIFIERS = ("slack", "email", "sns")


def chaos(project, *arguments):
    command = [sys.executable, "-m", "demo.chaos", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)


def test_while_everything_fails_nothing_is_lost_and_each_duplicate_is_marked(project):
    run = chaos(project, "--jobs", "30", "--seed", "11", "--json")

    assert run.returncode == 0, run.stderr
    audit = json.loads(run.stdout)
    assert (audit["accepted"], audit["lost"], audit["wrong"]) == (30, 0, [])
    for name in NOTIFIERS:
        dead = {one["job"] for one in audit["each_dead_letter"] if one["notifier"] in (name, "*")} - {""}
        assert audit["delivered"][name] + len(dead) >= 30
    assert all(one["marked"] and one["cause"] for one in audit["each_duplicate"])
    # Most faults are random, but a good part of them has hit something.
    assert len(audit["faults"]) >= 5


def test_bad_arguments_are_refused_before_anything_starts(project):
    run = chaos(project, "--jobs", "0")

    assert (run.returncode, run.stdout) == (2, "")
    assert "--jobs" in run.stderr
