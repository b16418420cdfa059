"""Kills an engine at the moment when AWS has made a resource that it does not know of, and looks what it left."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.engine.engine_stack import PATIENCE, EngineStack
from tests.engine.running_operation import RunningOperation
from tests.waiting import Limit


def pause_until(running: RunningOperation, reached: Callable[[], object]) -> None:
    """Stop the engine, but not its provider, so that the engine never learns that the resource exists.

    The engine runs for moments only, until it has sent the request to create the resource.
    """
    running.signal(signal.SIGSTOP)
    limit = Limit(PATIENCE)
    while not reached():
        assert not limit.passed
        running.signal(signal.SIGCONT)
        time.sleep(0.01)
        running.signal(signal.SIGSTOP)
        time.sleep(0.3)


def recorded_and_pending(backend: Path, stack: EngineStack) -> list[set[str]]:
    """Return the resources ("Queue bell-intake") that the state file records as existing, and as pending."""
    deployment = json.loads((backend / ".pulumi/stacks/batchbell" / f"{stack.name}.json").read_text())["checkpoint"]
    resources = [one for one in deployment["latest"]["resources"] if one["type"].startswith("aws:")]
    pending = [one["resource"] for one in deployment["latest"].get("pending_operations", [])]
    return [
        {f"{one['type'].rpartition(':')[2]} {one['urn'].rpartition('::')[2]}" for one in kind}
        for kind in (resources, pending)
    ]


def providers(stack: EngineStack) -> list[int]:
    """Return the processes of our provider that use this stack's cloud."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    found = [int(line.split()[0]) for line in listed.splitlines() if "batchbell_local.pulumi.provider" in line]
    return [pid for pid in found if _talks_to(pid, stack.cloud.endpoint)]


def _talks_to(pid: int, endpoint: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return endpoint.encode() in file.read()
    except OSError:
        return False
