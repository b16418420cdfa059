"""Measures `pulumi preview` of a deployed stack without changes, against an empty program that imports pulumi_aws.

Runs the real CLI with this project's provider in place of AWS's (docs/local-aws.md), as the engine tests do.
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

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import this_machine
from batchbell_local.pulumi import provider
from batchbell_local.slack.sink import SlackSink
from bench.measurement import Check, Measurement, RunOptions, Table
from demo.print_color import SENDER
from tests.engine.cli.build import find_pulumi

TITLE = "Preview"
ROUNDS = 3
BOUND = 1.5  # × the empty program
STACKS = ("production", "print-color")  # an existing job queue; a Batch environment of its own
PROGRAM = ("Pulumi.yaml", "__main__.py", "components", "notifiers", "batchbell")
COMPARED = {  # small programs to compare with
    "empty": "import pulumi_aws\n",
    # pulumi_aws reads a service's classes when one of them is first used.
    "services": "from pulumi_aws import cloudwatch, dynamodb, iam, lambda_, sqs\n"
    "cloudwatch.LogGroup; dynamodb.Table; iam.Role; lambda_.Function; sqs.Queue\n",
    "one-resource": 'import pulumi_aws\npulumi_aws.sqs.Queue("queue")\n',
}
NOT_PASSED_ON = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
TIMEOUT = 120.0  # seconds for one operation


class OperationFailed(Exception):
    """A Pulumi operation failed; the text says why."""


@dataclass(frozen=True)
class Program:
    folder: Path
    stack: str
    environment: Mapping[str, str]

    def run(self, operation: str, secrets: Mapping[str, str] | None = None) -> tuple[float, Any]:
        """Run an operation and return its seconds and its result. Raises OperationFailed.

        operation: "up" or "preview"
        secrets: to store in the stack's config
        """
        script = Path(__file__).with_name("engine_operation.py")
        request = {
            "operation": operation,
            "program": str(self.folder),
            "stack": self.stack,
            "secrets": dict(secrets or {}),
        }
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(script)],
            input=json.dumps(request) + "\n",
            env=dict(self.environment),
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT,
            check=False,
        )
        seconds = time.monotonic() - started
        last = json.loads((done.stdout.splitlines() or ["{}"])[-1])
        if "result" not in last:
            raise OperationFailed(last.get("failed", done.stderr[-2000:]))
        return seconds, last["result"]


def measure(options: RunOptions) -> Measurement:
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        cloud.verify_sender(SENDER)
        environment = _environment(options.folder, cloud)
        programs = {
            name: Program(_write_program(options.folder, name, text), name, environment)
            for name, text in COMPARED.items()
        }
        programs |= {stack: Program(_copy_project(options, stack), stack, environment) for stack in STACKS}
        for program in programs.values():
            program.run("up", {"slackWebhook": sink.url} if program.stack in STACKS else {})
        times: dict[str, list[float]] = {name: [] for name in programs}
        resources: dict[str, int] = {}
        for _ in range(options.repetitions(ROUNDS)):
            for name, program in programs.items():
                seconds, summary = program.run("preview")
                if set(summary) - {"same"}:
                    raise OperationFailed(f"the preview of {name} shows changes: {summary}")
                times[name].append(seconds)
                resources[name] = summary.get("same", 0)
    took = {name: median(each) for name, each in times.items()}
    descriptions = {
        "empty": "empty program, `import pulumi_aws`",
        "services": "the same, using a class of each AWS service that the project uses",
        "one-resource": "one queue, which starts the provider",
        "production": "production: an existing job queue",
        "print-color": "print-color: with its own Batch environment",
    }
    return Measurement(
        checks=[
            Check(f"preview without changes, {stack}", took[stack] / took["empty"], BOUND, "×") for stack in STACKS
        ],
        tables=[
            Table(
                "A preview without changes",
                ["program", "resources", "time", "× empty"],
                [
                    [text, str(resources[name]), f"{took[name]:.1f} s", f"{took[name] / took['empty']:.2f}"]
                    for name, text in descriptions.items()
                ],
            )
        ],
        figures={"seconds": took, "resources": resources, "each": times},
    )


def _environment(folder: Path, cloud: LocalCloud) -> dict[str, str]:
    """Make the CLI's environment, without the account, plugins and settings of this machine."""
    executables = folder / "bin"
    executables.mkdir()
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


def _copy_project(options: RunOptions, stack: str) -> Path:
    """Copy the program, since Pulumi writes into a stack's file, and set what a function on this machine needs."""
    folder = options.folder / f"program-{stack}"
    folder.mkdir()
    for name in (*PROGRAM, f"examples/stacks/Pulumi.{stack}.yaml"):
        source = options.project / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder)
    with (folder / f"Pulumi.{stack}.yaml").open("a", encoding="utf-8") as config:
        config.writelines(f"  batchbell:{name}: {json.dumps(value)}\n" for name, value in this_machine().items())
    return folder


def _write_program(parent: Path, name: str, text: str) -> Path:
    folder = parent / name
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n", encoding="utf-8")
    (folder / "__main__.py").write_text(text, encoding="utf-8")
    return folder
