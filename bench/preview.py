"""`pulumi preview` of a deployed stack without changes, beside an empty program that imports pulumi_aws.

The real CLI, with this project's provider in place of AWS's (docs/local-aws.md): both run as the engine tests run them.
"""

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
from statistics import median
from typing import Any

from batchbell.local.cloud import LocalCloud
from batchbell.local.provider import write_executable
from batchbell.local.rehearsal import this_machine, verify_sender
from batchbell.local.slack_sink import SlackSink
from bench.finding import Check, Finding, Order
from tests.engine.cli.build import find_pulumi

TITLE = "Preview"
ROUNDS = 5
BOUND = 1.5  # × the empty program
STACK = "print-color"
PROGRAM = ("Pulumi.yaml", f"Pulumi.{STACK}.yaml", "__main__.py", "components", "notifiers", "batchbell")
EMPTY = {"Pulumi.yaml": "name: empty\nruntime: python\n", "__main__.py": "import pulumi_aws\n"}
NOT_HANDED_ON = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
PATIENCE = 120.0  # seconds for one operation


class OperationFailed(Exception):
    """Pulumi did not come to a good end; the text says why."""


@dataclass(frozen=True)
class Program:
    folder: Path
    environment: Mapping[str, str]

    def run(self, operation: str, secrets: Mapping[str, str] | None = None) -> tuple[float, Any]:
        """The seconds that it took, and its result. `secrets`: of the stack's config, kept. Raises OperationFailed."""
        script = Path(__file__).resolve().parents[1] / "tests" / "engine" / "operation.py"
        order = {"operation": operation, "program": str(self.folder), "stack": STACK, "secrets": dict(secrets or {})}
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(script)],
            input=json.dumps(order) + "\n",
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        seconds = time.monotonic() - started
        last = json.loads((done.stdout.splitlines() or ["{}"])[-1])
        if "result" not in last:
            raise OperationFailed(last.get("failed", done.stderr[-2000:]))
        return seconds, last["result"]


def measure(order: Order) -> Finding:
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        verify_sender(cloud)
        environment = _environment(order.folder, cloud)
        ours = Program(_copy(order), environment)
        empty = Program(_write(order.folder / "empty", EMPTY), environment)
        ours.run("up", {"slackWebhook": sink.url})
        empty.run("up")
        times: dict[str, list[float]] = {"ours": [], "empty": []}
        for _ in range(order.times(ROUNDS)):
            seconds, summary = ours.run("preview")
            if set(summary) != {"same"}:
                raise OperationFailed(f"the preview shows changes: {summary}")
            times["ours"].append(seconds)
            times["empty"].append(empty.run("preview")[0])
    took = {name: median(each) for name, each in times.items()}
    return Finding(
        checks=[Check("preview without changes", took["ours"] / took["empty"], BOUND, "×")],
        shown={
            "print-color, no changes": f"{took['ours']:.1f} s for {summary['same']} resources",
            "empty program that imports pulumi_aws": f"{took['empty']:.1f} s",
        },
        figures={**took, "resources": summary["same"], "each": times},
    )


def _environment(folder: Path, cloud: LocalCloud) -> dict[str, str]:
    """No account, plugins or settings of this machine."""
    executables = folder / "bin"
    executables.mkdir()
    (executables / "pulumi").symlink_to(find_pulumi())
    write_executable(executables)
    (folder / "state").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}
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


def _copy(order: Order) -> Path:
    """Pulumi writes into a stack's files. The settings of this machine's function go there too."""
    folder = order.folder / "program"
    folder.mkdir()
    for name in PROGRAM:
        source = order.project / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    with (folder / f"Pulumi.{STACK}.yaml").open("a", encoding="utf-8") as config:
        config.writelines(f"  batchbell:{name}: {json.dumps(value)}\n" for name, value in this_machine().items())
    return folder


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
