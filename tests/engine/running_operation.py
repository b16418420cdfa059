"""Runs an operation of the real Pulumi engine in a process of its own, and collects its result."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("operation.py")
TIMEOUT = 120.0  # seconds for one operation; the longest takes 15 on a busy machine with two cores
UNCHANGED = {"same", "refresh", "read"}


@dataclass(frozen=True)
class OperationResult:
    """The result of an operation.

    result: what operation.py returns for it
    failed: the error text; "" if the operation succeeded
    changes: steps that changed a resource ("update Queue print-color-intake"), in the order in which they ended
    diagnostics: severity and text of each
    printed: all output
    """

    result: Any
    failed: str
    changes: list[str]
    diagnostics: list[tuple[str, str]]
    printed: str

    def ends_with(self, *changes: str) -> None:
        assert self.changes[-len(changes) :] == list(changes), self.changes


class RunningOperation:
    """An operation that is running."""

    def __init__(self, request: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Start the operation. `request` is the input of operation.py."""
        self._process = process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._seen: list[dict[str, Any]] = []
        self._printed: list[str] = []
        assert process.stdin and process.stdout and process.stderr
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._printed.extend, args=(process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()

    def wait_for(self, step: str, state: str) -> None:
        """Wait until a step ("create Queue print-color-intake") is "begun" or "done"."""
        while True:
            event = self._next()
            assert event is not None, f"it ended without {step}: {self._seen[-1:]}"
            if "step" in event and (_describe(event["step"]), event["step"][3]) == (step, state):
                return

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine and the program, as a terminal does. Providers have their own process groups."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Kill the engine and the program at once."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def finish(self) -> OperationResult:
        """Wait until the operation has ended."""
        try:
            while self._next() is not None:
                pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for reader in self._readers:
            reader.join(1)
        last = self._seen[-1] if self._seen else {}
        steps = [event["step"] for event in self._seen if "step" in event]
        return OperationResult(
            result=last.get("result"),
            failed=last.get("failed", "" if "result" in last else "it ended without a result"),
            changes=[
                _describe(step)
                for step in steps
                if step[3] == "done" and step[0] not in UNCHANGED and _is_aws_resource(step[1])
            ],
            diagnostics=[(one["diagnostic"][0], one["diagnostic"][1]) for one in self._seen if "diagnostic" in one],
            printed="".join(self._printed) + "\n".join(json.dumps(event) for event in self._seen),
        )

    def _next(self) -> dict[str, Any] | None:
        event = self._events.get(timeout=TIMEOUT)
        if event is not None:
            self._seen.append(event)
        return event

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._events.put(json.loads(line))
        self._events.put(None)


def _describe(step: list[str]) -> str:
    return f"{step[0]} {step[1].rpartition(':')[2]} {step[2]}"


def _is_aws_resource(type_: str) -> bool:
    return type_.startswith("aws:")
