"""Deploys a Pulumi program in Python to local AWS without the Pulumi CLI, in a process of its own."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LINES_KEPT = 200  # of the program's output, for a failure's details
NOT_INHERITED = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
NO_ACCOUNT = {  # keeps this machine's own AWS configuration out
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
CODE_FOLDER = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Progress:
    """A resource has been created: its type ("aws:sqs/queue:Queue"), its logical name, and how long it took."""

    type: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Resource:
    """A deployed resource; `id` is the provider's (a queue's URL, a role's name)."""

    type: str
    name: str
    id: str


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs, with secrets as "[secret]", and its resources in the order of creation."""

    outputs: dict[str, Any]
    resources: tuple[Resource, ...]


class DeploymentFailed(Exception):
    """A deployment failed; the text says why, without secrets. `printed` is the program's output until then."""

    def __init__(self, text: str, printed: str = "") -> None:
        super().__init__(text)
        self.printed = printed


def deploy(
    cloud_environment: Mapping[str, str],
    program: Path,
    stack: str,
    *,
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    timeout: float = 60,
) -> Deployment:
    """Deploy a Pulumi program as a stack, and wait until it is deployed.

    cloud_environment: the AWS_… variables of the local AWS.
    program: the folder with Pulumi.yaml and __main__.py.
    config, secrets: override the stack's file; keys with or without the project's namespace. They reach the program
        through a pipe.
    on_progress: called after each resource.
    timeout: in seconds.

    Raises DeploymentFailed. Kills the program on failure and on Ctrl-C.
    """
    request = {
        "program": str(Path(program).resolve()),
        "stack": stack,
        "config": dict(config or {}),
        "secrets": dict(secrets or {}),
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "batchbell_local.pulumi.monitor"],
        cwd=CODE_FOLDER,
        env=_environment(cloud_environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        return _follow(child, request, on_progress, timeout)
    finally:
        _kill(child)


def this_machine() -> dict[str, str]:
    """The settings that make a function run under this Python and on this processor."""
    return {
        "function_python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "function_architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
    }


def _follow(
    child: subprocess.Popen[str],
    request: Mapping[str, Any],
    on_progress: Callable[[Progress], None] | None,
    timeout: float,
) -> Deployment:
    assert child.stdin and child.stdout and child.stderr
    printed: collections.deque[str] = collections.deque(maxlen=LINES_KEPT)
    events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    printing = threading.Thread(target=_keep, args=(child.stderr, printed), daemon=True)
    printing.start()
    threading.Thread(target=_read, args=(child.stdout, events), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
    deadline = time.monotonic() + timeout
    creating: dict[tuple[str, str], None] = {}
    created: list[Resource] = []
    while True:
        try:
            event = events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise DeploymentFailed(_timeout_text(timeout, list(creating)), "".join(printed)) from None
        if event is None:
            printing.join(1)
            raise DeploymentFailed("the program ended without a result", "".join(printed))
        if "creating" in event:
            creating[event["creating"]["type"], event["creating"]["name"]] = None
        elif "created" in event:
            made = event["created"]
            creating.pop((made["type"], made["name"]), None)
            created.append(Resource(made["type"], made["name"], made["id"]))
            if on_progress:
                on_progress(Progress(made["type"], made["name"], made["seconds"]))
        elif "failed" in event:
            printing.join(1)
            raise DeploymentFailed(event["failed"], "".join(printed))
        elif "outputs" in event:
            return Deployment(event["outputs"], tuple(created))


def _environment(cloud: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return kept | NO_ACCOUNT | dict(cloud)


def _timeout_text(timeout: float, creating: list[tuple[str, str]]) -> str:
    waiting = ", ".join(f'{type_} "{name}"' for type_, name in creating) or "the program itself"
    return f"the deployment took longer than {timeout:g} s; it was still waiting for {waiting}"


def _read(stream: IO[str], events: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    with stream:
        for line in stream:
            events.put(json.loads(line))
    events.put(None)


def _keep(stream: IO[str], printed: collections.deque[str]) -> None:
    with stream:
        printed.extend(stream)


def _kill(child: subprocess.Popen[str]) -> None:
    """Kill the child and whatever it started; it leads a session of its own.

    The threads that read its output close it: closing it here would wait for a process that left the session and still
    has it open.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    with contextlib.suppress(BrokenPipeError):
        if child.stdin:
            child.stdin.close()
