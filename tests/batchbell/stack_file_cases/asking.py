"""Asks the real CLI how it reads a stack's files."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.batchbell.stack_file_cases import REFUSED, TAKEN, Case, as_values


@dataclass(frozen=True)
class Cli:
    """The CLI with a folder of its own, and no cloud: it only reads files."""

    executable: Path
    folder: Path

    def make_stack(self) -> None:
        """Make the stack that every case has."""
        program = Path(tempfile.mkdtemp(dir=self.folder))
        Case("").write(program)
        done = self._run(program, "stack", "init", "dev")
        assert done.returncode == 0, done.stderr

    def version(self) -> str:
        return self._run(self.folder, "version").stdout.strip()

    def answer(self, case: Case) -> Any:
        """Return what a Record has for the case."""
        program = Path(tempfile.mkdtemp(dir=self.folder))
        case.write(program)
        if case.is_typed:
            done = self._run(program, "preview", "--stack", case.stack)  # ends later: there is no language host
            return REFUSED if "validating stack config" in done.stderr else TAKEN
        done = self._run(program, "config", "--json", "--show-secrets", "--stack", case.stack)
        if done.returncode:
            return REFUSED
        return as_values({key: entry["value"] for key, entry in json.loads(done.stdout).items()})

    def _run(self, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "PULUMI_BACKEND_URL": f"file://{self.folder}?metadata=skip",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "GOGC": "off",  # a command is over before a collection of garbage pays
        }
        command = [str(self.executable), *arguments, "--non-interactive"]
        return subprocess.run(command, cwd=program, env=environment, capture_output=True, encoding="utf-8", check=False)
