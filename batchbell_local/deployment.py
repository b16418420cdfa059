"""Deploys a Pulumi program in Python to local AWS, in a process of its own, without the Pulumi CLI."""

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

LINES_KEPT = 200  # of what the program printed, for the failure's details
NOT_HANDED_ON = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
NO_ACCOUNT = {  # nothing of this machine's own AWS set-up may be used
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
CODE_FOLDER = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Progress:
    """One resource is created: its type ("aws:sqs/queue:Queue"), its logical name, and how long it took."""

    type: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Resource:
    """One resource that exists now; `id` is the provider's (a queue's URL, a role's name)."""

    type: str
    name: str
    id: str


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs, secrets as "[secret]", and its resources in the order of their creation."""

    outputs: dict[str, Any]
    resources: tuple[Resource, ...]


class DeploymentFailed(Exception):
    """The text is the one message of why, without secrets; `printed` is what the program wrote before."""

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
    """Run the program in the folder `program` (Pulumi.yaml, __main__.py) as the stack `stack`, and wait for it.

    `cloud_environment` holds the AWS_… variables of local AWS. `config` and `secrets` are laid over the stack's file,
    keys with or without the project's namespace; they reach the program through a pipe. `timeout` is in seconds. Raises
    DeploymentFailed; whatever the program was doing is then killed, and so it is on Ctrl-C.
    """
    order = {
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
        start_new_session=True,
    )
    try:
        return _follow(child, order, on_progress, timeout)
    finally:
        _kill(child)


def this_machine() -> dict[str, str]:
    """The settings that a local function needs: it runs under this Python, on this processor."""
    return {
        "function_python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "function_architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
    }


def _follow(
    child: subprocess.Popen[str],
    order: Mapping[str, Any],
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
        child.stdin.write(json.dumps(order) + "\n")
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
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}
    return kept | NO_ACCOUNT | dict(cloud)


def _timeout_text(timeout: float, creating: list[tuple[str, str]]) -> str:
    waiting = ", ".join(f'{type_} "{name}"' for type_, name in creating) or "the program itself"
    return f"the deployment took longer than {timeout:g} s; it was waiting for {waiting}"


def _read(stream: IO[str], events: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    with stream:
        for line in stream:
            events.put(json.loads(line))
    events.put(None)


def _keep(stream: IO[str], printed: collections.deque[str]) -> None:
    with stream:
        printed.extend(stream)


def _kill(child: subprocess.Popen[str]) -> None:
    """The child and whatever it started: it leads a session of its own. Its output is closed by who reads it: closing
    it here would wait for a process that left the session and still holds it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    with contextlib.suppress(BrokenPipeError):
        if child.stdin:
            child.stdin.close()
