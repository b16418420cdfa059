"""Runs Pulumi programs with the real CLI and this project's provider in place of AWS's (docs/local-aws.md)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import this_machine
from batchbell_local.pulumi import provider
from tests.engine.cli.build import find_pulumi

PROGRAM = ("Pulumi.yaml", "__main__.py", "components", "notifiers", "batchbell")
NOT_PASSED_ON = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
TIMEOUT = 120.0  # seconds for one operation


class OperationFailed(Exception):
    """A Pulumi operation failed; the text says why."""


@dataclass(frozen=True)
class Operation:
    """What an operation took, in seconds, and its result.

    processor: of all processes, which are the program, the CLI and the provider
    """

    seconds: float
    processor: float
    result: Any


@dataclass(frozen=True)
class Program:
    folder: Path
    stack: str
    environment: Mapping[str, str]

    def run(self, operation: str, secrets: Mapping[str, str] | None = None) -> Operation:
        """Run an operation. Raises OperationFailed.

        operation: "up", "preview" or "export"
        secrets: to store in the stack's config
        """
        script = Path(__file__).with_name("engine_operation.py")
        request = {
            "operation": operation,
            "program": str(self.folder),
            "stack": self.stack,
            "secrets": dict(secrets or {}),
        }
        before, started = _processor_time(), time.monotonic()
        done = subprocess.run(
            [sys.executable, str(script)],
            input=json.dumps(request) + "\n",
            env=dict(self.environment),
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT,
            check=False,
        )
        seconds, processor = time.monotonic() - started, _processor_time() - before
        last = json.loads((done.stdout.splitlines() or ["{}"])[-1])
        if "result" not in last:
            raise OperationFailed(last.get("failed", done.stderr[-2000:]))
        return Operation(seconds, processor, last["result"])


def _processor_time() -> float:
    """Return the seconds that ended processes have used, and theirs."""
    used = os.times()
    return used.children_user + used.children_system


def make_environment(folder: Path, cloud: LocalCloud) -> dict[str, str]:
    """Make the CLI's environment, without the account, plugins and settings of this machine.

    folder: a new one, for the CLI's files and its state
    """
    executables = folder / "bin"
    executables.mkdir(parents=True)
    (executables / "pulumi").symlink_to(find_pulumi())
    provider.install(folder / "home")
    (folder / "state").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    return {
        **kept,
        **cloud.environment(),
        "PATH": f"{executables}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
    }


def copy_project(project: Path, config: str, folder: Path, stack: str) -> Path:
    """Copy the program, since Pulumi writes into a stack's file, and set what a function on this machine needs.

    config: the stack's file
    folder: a new one
    """
    folder.mkdir()
    for name in PROGRAM:
        source = project / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    machine = "".join(f"  batchbell:{name}: {json.dumps(value)}\n" for name, value in this_machine().items())
    (folder / f"Pulumi.{stack}.yaml").write_text(config + machine, encoding="utf-8")
    return folder
