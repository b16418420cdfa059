"""Runs an operation of the real Pulumi engine, and collects its result from the engine's events."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.waiting import wait_until
from tests.warm_python import warm_subprocess

PATIENCE = 20.0  # s of an idle machine without a new event; the longest pause is some 3 s
UNCHANGED = {"same", "refresh", "read"}
STATES = {"resourcePreEvent": "begun", "resOutputsEvent": "done", "resOpFailedEvent": "failed"}
OPERATIONS = {
    "up": ["up", "--yes", "--skip-preview"],
    "preview": ["preview"],
    "refresh": ["refresh", "--yes", "--skip-preview"],
    "destroy": ["destroy", "--yes", "--skip-preview"],
}
RUN_THE_PROGRAM = ("up", "preview")
STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class OperationResult:
    """The result of an operation.

    summary: how many resources have each kind of step: {"same": 39}
    outputs: the stack's outputs, secrets as "[secret]"
    failed: what the CLI printed if the operation failed; "" if it succeeded
    changes: steps that changed a resource ("update Queue bell-intake"), in the order in which they ended
    diagnostics: severity and text of each
    printed: all output of the CLI and the program, and all events except the first, which repeats the config
    """

    summary: dict[str, int]
    outputs: dict[str, Any]
    failed: str
    changes: list[str]
    diagnostics: list[tuple[str, str]]
    printed: str

    def ends_with(self, *changes: str) -> None:
        assert self.changes[-len(changes) :] == list(changes), self.changes


class ProgramHost:
    """The process of program_host.py."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._process = warm_subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("program_host.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def start(self, program: Path, environment: Mapping[str, str], output: Path) -> tuple[int, str]:
        """Start a process for a program. Returns its id and its address for `pulumi --client`."""
        assert self._process.stdin and self._process.stdout
        order = {"program": str(program), "environment": dict(environment), "output": str(output)}
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        return answer["process"], answer["address"]

    def stop(self) -> None:
        self._process.communicate()


class RunningOperation:
    """An operation that is running."""

    def __init__(
        self,
        host: ProgramHost,
        program: Path,
        stack: str,
        operation: str,
        options: tuple[str, ...],
        environment: Mapping[str, str],
    ) -> None:
        """Start an operation ("up") with further options of the CLI."""
        self._folder = tempfile.TemporaryDirectory(prefix="operation-")
        self._events_file = Path(self._folder.name) / "events"
        self._output = Path(self._folder.name) / "output"
        self._printed = Path(self._folder.name) / "printed-by-the-program"
        self._events: list[dict[str, Any]] = []
        self._programs: list[int] = []
        for file in (self._events_file, self._printed):
            file.touch()
        command = ["pulumi", *OPERATIONS[operation], *options, "--stack", stack, "--non-interactive", "--color=never"]
        command += [f"--event-log={self._events_file}", "--suppress-progress"]
        if operation in RUN_THE_PROGRAM:
            process, address = host.start(program, environment, self._printed)
            self._programs.append(process)
            command.append(f"--client={address}")
        with self._output.open("wb") as output:
            self._engine = subprocess.Popen(
                command,
                cwd=program,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._reader: IO[str] = self._events_file.open(encoding="utf-8")
        self._half_a_line = ""

    def wait_for(self, step: str, state: str) -> None:
        """Wait until a step ("create Queue bell-intake") is "begun" or "done"."""

        def reached() -> bool:
            ended = self._engine.poll() is not None
            self._read()
            found = (step, state) in ((_describe(one), how) for one, how in self._steps())
            assert found or not ended, f"it ended without {step}: {self._output.read_text()}"
            return found

        wait_until(reached, f"{state}: {step}", PATIENCE, progress=self._amount)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine and the program, as a terminal does. Providers have their own process groups."""
        for group in (self._engine.pid, *self._programs):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, number)

    def kill(self) -> None:
        """Kill the engine and the program at once."""
        self.signal(signal.SIGKILL)
        self._engine.wait()

    def finish(self) -> OperationResult:
        """Wait until the operation has ended."""
        try:
            wait_until(lambda: self._engine.poll() is not None, "ended", PATIENCE, progress=self._amount)
        finally:
            self.kill()
        self._read()
        self._reader.close()
        output = self._output.read_text()
        result = OperationResult(
            summary=next((one["summaryEvent"]["resourceChanges"] for one in self._all("summaryEvent")), {}),
            outputs=next(
                (
                    step["new"].get("outputs", {})
                    for step, state in self._steps()
                    if state == "done" and step["type"] == STACK_TYPE and step.get("new")
                ),
                {},
            ),
            failed=output or "no output" if self._engine.returncode != 0 else "",
            changes=[
                _describe(step)
                for step, state in self._steps()
                if state == "done" and step["op"] not in UNCHANGED and step["type"].startswith("aws:")
            ],
            diagnostics=[
                (one["diagnosticEvent"]["severity"], one["diagnosticEvent"]["message"])
                for one in self._all("diagnosticEvent")
            ],
            printed=output
            + self._printed.read_text()
            + "\n".join(json.dumps(event) for event in self._events if "preludeEvent" not in event),
        )
        self._folder.cleanup()
        return result

    def _read(self) -> None:
        """Read the events that are complete."""
        *lines, self._half_a_line = (self._half_a_line + self._reader.read()).split("\n")
        self._events += map(json.loads, lines)

    def _amount(self) -> int:
        return sum(file.stat().st_size for file in (self._events_file, self._output, self._printed))

    def _all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self._events if kind in event]

    def _steps(self) -> list[tuple[dict[str, Any], str]]:
        """Return the metadata of each step, and whether it was begun, done or failed."""
        return [(event[kind]["metadata"], STATES[kind]) for event in self._events for kind in STATES if kind in event]


def _describe(step: Mapping[str, Any]) -> str:
    return f"{step['op']} {step['type'].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}"
