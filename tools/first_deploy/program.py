"""The Pulumi program of this checkout, deployed from a copy as a stack of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from .account import Account
from .step import StepFailed

STACK = "first-deploy"
PARTS = ("Pulumi.yaml", "__main__.py", "components", "notifiers", "batchbell")
CHECKOUT = Path(__file__).resolve().parents[2]
INTERRUPT_LIMIT = 300  # s that the CLI has to end what it is doing
LINES_KEPT = 60  # of a failed command's output


@dataclass(frozen=True)
class Program:
    """A copy of the program in `folder`, and the variables with which commands find account and state.

    The state stays in `folder`, too. The stack has no secrets, so its passphrase protects nothing.
    """

    folder: Path
    environment: Mapping[str, str]

    def pulumi(self, *arguments: str, limit: float, in_stack: bool = True) -> str:
        """Run a command of the CLI and return its output.

        limit: seconds; then, and on Ctrl-C, the CLI is asked to end, and killed if it does not.
        in_stack: whether it is about the stack.

        Raises StepFailed.
        """
        stack = ["--stack", STACK] if in_stack else []
        command = ["pulumi", *arguments, *stack, "--non-interactive", "--color=never"]
        done = self._run(command, limit)
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise StepFailed(f"`pulumi {arguments[0]}` failed", {"printed": lines[-LINES_KEPT:]})
        return done.stdout

    def changes(self, *options: str, limit: float) -> list[dict[str, Any]]:
        """Preview the stack, and return the steps that change something. Raises StepFailed."""
        preview = json.loads(self.pulumi("preview", "--json", *options, limit=limit))
        return [
            {
                "op": step["op"],
                "resource": "::".join(step["urn"].split("::")[-2:]),
                "properties": sorted(step.get("detailedDiff") or step.get("diffReasons") or []),
            }
            for step in preview.get("steps", [])
            if step["op"] not in ("same", "read", "refresh")
        ]

    def resources(self, *, limit: float) -> list[str]:
        """The types of the stack's resources in AWS. Raises StepFailed."""
        state = json.loads(self.pulumi("stack", "export", limit=limit))
        return [one["type"] for one in state["deployment"]["resources"] if one["type"].startswith("aws:")]

    def exists(self) -> bool:
        """Whether the state has the stack."""
        return any((self.folder / "state").rglob(f"{STACK}.json"))

    def destroy(self, *, limit: float) -> None:
        """Delete the stack and what it has in AWS. Raises StepFailed."""
        if not self.exists():
            return
        if any((self.folder / "state" / ".pulumi" / "locks").rglob("*.json")):  # of a CLI that was killed
            self.pulumi("cancel", "--yes", limit=60)
        self.pulumi("destroy", "--yes", "--skip-preview", "--remove", limit=limit)

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs of the stack, which is deployed once. Raises StepFailed."""
        outputs: Mapping[str, Any] = json.loads(self.pulumi("stack", "output", "--json", limit=60))
        return outputs

    def batchbell(self, *arguments: str, limit: float) -> tuple[int, Any]:
        """Run one of batchbell's own commands with --json. Returns its exit code and its object. Raises StepFailed."""
        done = self._run([sys.executable, "-m", "batchbell", *arguments, "--json"], limit)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise StepFailed(f"`batchbell {arguments[0]}` gave no answer", {"printed": lines[-LINES_KEPT:]}) from None

    def _run(self, command: list[str], limit: float) -> subprocess.CompletedProcess[str]:
        """Run a command in a session of its own, so that a Ctrl-C of the terminal does not reach it at once.

        Pulumi takes a second signal as the wish to be killed, which leaves a locked state.
        """
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(timeout=limit)
            except BaseException as error:
                _end(process)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise StepFailed(f"`{' '.join(command[:2])}` took more than {limit:.0f} s") from None
                raise
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt a command and what it started, and kill what does not end."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=INTERRUPT_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def make_program(folder: Path, account: Account, profile: str, settings: Mapping[str, Any]) -> Program:
    """Copy the program, and write the settings of the stack. `settings` override those of the run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in PARTS:
        if (CHECKOUT / name).is_dir():
            # With compiled modules, but those that another process is writing at this moment.
            shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy(CHECKOUT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)  # as Pulumi.yaml names it
    config = {"aws:region": account.region} | {f"batchbell:{name}": value for name, value in settings.items()}
    (folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False), "utf-8")
    return find_program(folder, account, profile)


def find_program(folder: Path, account: Account, profile: str) -> Program:
    """The program that an earlier run has copied into `folder`."""
    (folder / "state").mkdir(parents=True, exist_ok=True)
    return Program(
        folder,
        {
            **os.environ,
            **({"AWS_PROFILE": profile} if profile else {}),
            "AWS_REGION": account.region,
            "AWS_DEFAULT_REGION": account.region,
            # Without metadata: a kill while it is written leaves a state that Pulumi cannot load (tried).
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": STACK,
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        },
    )
