from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import __main__ as demo_command
from demo import print_color, watch
from demo.print_color import PlatformRun, run_print_color
from tests.waiting import patience


@pytest.fixture(scope="module", autouse=True)
def _limits():
    """The demo's own limits follow the machine's load."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("TIMEOUT", "CHANNEL_TIMEOUT"):
            patch.setattr(print_color, limit, patience(getattr(print_color, limit)))
        yield


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


@dataclass(frozen=True)
class DemoResult:
    """What one demo printed for people, its runs on both platforms, and what it left behind."""

    printed: str
    runs: Sequence[PlatformRun]
    left_behind: Sequence[object]


@pytest.fixture(scope="module")
def result(in_this_process, tmp_path_factory) -> DemoResult:
    folder, runs = tmp_path_factory.mktemp("demo"), []

    def run_and_remember(*arguments, **options):
        runs.append(run_print_color(*arguments, **options))
        return runs[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("COLUMNS", "120")
        patch.setattr(demo_command, "run_print_color", run_and_remember)
        done = in_this_process(demo_command.command, "--fail", "2,5", "--rerun")
    assert done.exit_code == 0, done.output
    return DemoResult(done.stdout, runs, [*left_behind(folder), *folder.iterdir()])


@pytest.mark.parametrize(("number", "platform", "tutorial"), [(0, "EC2", 1), (1, "FARGATE", 8)])
def test_the_parent_rule_fires_once_where_others_fire_for_each_child(result, number, platform, tutorial):
    run = result.runs[number]

    assert (run.platform, run.children, run.events) == (platform, 7, 8)
    assert run.fired == {"every-job": 8, "tutorial": tutorial, "parent-only": 1}
    assert run.messages == {"slack": 1, "email": 1, "sns": 1}
    assert run.wrong_counts() == []
    assert run.received.email[0]["Subject"] == "print-color failed: 2 of 7 children"


def test_people_see_the_counts_and_what_each_channel_received(result):
    assert re.search(r"parents only \(this stack\) +│ +1 │ +1 │", result.printed)
    slack, mail, sns = (
        result.printed.partition(f"─ {title} ")[2].partition("╰")[0]
        for title in ("Slack received", "The mailbox received", "The SNS subscriber received")
    )
    for shown in (slack, mail, sns):
        assert "print-color failed: 2 of 7 children" in shown
    assert re.search(r"children run again +│ +2 │ +2 │\n.* that then succeeded +│ +2 │ +2 │", result.printed)
    for shown in (slack, mail):
        assert "2x Essential container in task exited (exit code 1)" in shown
        assert "Job in the AWS console" in shown


def test_the_json_has_a_run_for_each_platform_with_its_counts(result, in_this_process, monkeypatch):
    again = iter(result.runs)
    monkeypatch.setattr(demo_command, "run_print_color", lambda *arguments, **options: next(again))
    done = in_this_process(demo_command.command, "--json")

    assert done.exit_code == 0, done.output
    runs = json.loads(done.stdout)["runs"]
    assert [(run["platform"], run["children"], run["events"]) for run in runs] == [("EC2", 7, 8), ("FARGATE", 7, 8)]
    assert [run["fired"]["tutorial"] for run in runs] == [1, 8]
    for run in runs:
        assert run["messages"] == {"slack": 1, "email": 1, "sns": 1}
        assert set(run["seconds"]) == {"start", "deploy", "job", "notify", "rerun", "total"}
        assert run["rerun"] == {"indexes": [2, 5], "succeeded": 2}
        # What the failed children printed last is in each channel's message.
        assert {name: len(texts) for name, texts in run["received"].items()} == {"slack": 1, "email": 1, "sns": 1}
        assert all("no colour left" in text for texts in run["received"].values() for text in texts)


def test_a_demo_leaves_no_process_and_no_file_behind(result):
    assert result.left_behind == []


def test_a_channel_that_fails_during_the_demo_does_not_affect_the_others(in_this_process, monkeypatch):
    """The demo says so, and ends with exit code 1."""
    monkeypatch.setattr(demo_command, "PLATFORMS", ("FARGATE",))
    monkeypatch.setattr(
        demo_command,
        "run_print_color",
        functools.partial(run_print_color, before_the_job=lambda cloud, sink: sink.kill()),
    )
    done = in_this_process(demo_command.command, "--json", "--size", "3")

    assert json.loads(done.stdout)["runs"][0]["messages"] == {"slack": 0, "email": 1, "sns": 1}
    assert done.exit_code == 1
    assert "FARGATE: slack: 0, not 1" in done.stderr


def test_a_watched_job_has_one_early_warning_and_one_message_that_follows_it_to_its_end(in_this_process, monkeypatch):
    monkeypatch.setattr(demo_command, "PLATFORMS", ("EC2",))
    monkeypatch.setattr("demo.watch.CHANNEL_TIMEOUT", patience(print_color.CHANNEL_TIMEOUT))
    done = in_this_process(demo_command.command, "--watch", "--json")

    assert done.exit_code == 0, done.output
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["warnings"], run["messages"]) == ({"EARLY": 1}, {"slack": 1, "email": 1, "sns": 1})
    assert run["board"]["posts"] == 1
    assert run["board"]["edits"] >= watch.LENGTH // watch.EVERY
    assert "print-color failed: 20 of 200 children" in run["board"]["last"]
    live = " ".join(done.stderr.split())
    assert re.search(r"print-color is running: 100 of 200 done, 20 failed, about 2\d min left", live), live
    assert all("the first" in texts[0] and "children failed" in texts[0] for texts in run["received"].values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_everything_that_it_started(demo, tmp_path, wait_until, number):
    process = demo("--json")
    wait_until(lambda: left_behind(tmp_path), "started", timeout=30)
    process.send_signal(number)
    output, errors = process.communicate(timeout=patience(30))

    assert (process.returncode, output) == (130, "")
    assert "Stopped" in errors
    assert "Traceback" not in errors
    wait_until(lambda: not left_behind(tmp_path), "stopped", timeout=10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--size", "1"], "--size"),
        (["--fail", "9"], "0 to 6"),
        (["--fail", "two"], "such as 2,5"),
        (["--rerun"], "without --fail"),
        (["--watch", "--fail", "2"], "itself which children fail"),
        (["--watch", "--size", "9"], "at least 50"),
    ],
)
def test_bad_arguments_are_refused_before_anything_starts(in_this_process, arguments, says):
    done = in_this_process(demo_command.command, *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
