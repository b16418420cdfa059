from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def demo(project, tmp_path):
    """Start the demo as a person does, in a session of its own, so that what it leaves behind can be found."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            cwd=project,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def left_behind(folder: Path) -> list[str]:
    """The processes whose command or working folder is in the demo's temporary folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(process / "cwd")
        except OSError:
            continue
        if str(folder) in command or str(folder) in where:
            found.append(command)
    return found


def test_the_json_has_a_run_for_each_platform_and_its_counts_are_right(demo, tmp_path):
    process = demo("--json", "--size", "3")
    output, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    ec2, fargate = json.loads(output)["runs"]
    assert (ec2["platform"], ec2["children"], ec2["events"]) == ("EC2", 3, 4)
    assert ec2["fired"] == {"every-job": 4, "tutorial": 1, "parent-only": 1}
    assert fargate["fired"] == {"every-job": 4, "tutorial": 4, "parent-only": 1}
    assert ec2["messages"] == fargate["messages"] == {"slack": 1, "email": 1, "sns": 1}
    assert set(ec2["seconds"]) == {"start", "deploy", "job", "notify", "total"}
    assert (left_behind(tmp_path), list(tmp_path.iterdir())) == ([], [])


def test_people_see_the_counts_and_what_each_channel_received(demo):
    process = demo("--size", "3", "--fail", "1")
    output, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert re.search(r"parents only \(this stack\) +│ +1 │ +1 │", output)
    slack, mail, sns = (
        output.partition(f"─ {title} ")[2].partition("╰")[0]
        for title in ("Slack received", "The mailbox received", "The SNS subscriber received")
    )
    for shown in (slack, mail, sns):
        assert "print-color failed: 1 of 3 children" in shown
    for shown in (slack, mail):
        assert "1x Essential container in task exited (exit code 1)" in shown
        assert "Job in the AWS console" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_everything_that_it_started(demo, tmp_path, wait_until, number):
    process = demo("--json")
    wait_until(lambda: left_behind(tmp_path), "started", timeout=30)
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)

    assert (process.returncode, output) == (130, "")
    assert "Stopped" in errors
    assert "Traceback" not in errors
    wait_until(lambda: not left_behind(tmp_path), "stopped", timeout=10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--size", "1"], "--size"), (["--fail", "9"], "0 to 6"), (["--fail", "two"], "such as 2,5")],
)
def test_bad_arguments_are_refused_before_anything_starts(demo, arguments, says):
    process = demo(*arguments)
    output, errors = process.communicate(timeout=30)

    assert process.returncode == 2
    assert says in errors
    assert output == ""
