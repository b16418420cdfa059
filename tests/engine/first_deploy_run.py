"""Runs tools/first_deploy at a pace for local AWS.

Its first argument is a command in JSON that takes the place of this Python where batchbell's own commands run: most of
their time would be imports. Its second is the provider of the stack's secrets: a key from a passphrase takes each
command of the CLI 0.24 s. Its third is a folder for the function's package, so that several runs build it once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, os.getcwd())

from tools.first_deploy import program
from tools.first_deploy.__main__ import main
from tools.first_deploy.pace import Pace


class RunProgram(program.Program):
    """The program, whose commands run as the arguments say."""

    python: list[str]
    secrets_provider: str
    packages: str

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder, environment)
        link = folder / ".batchbell"
        if not link.exists():
            link.symlink_to(self.packages)

    def pulumi(self, *arguments: str, **options: Any) -> str:
        creates = arguments[:2] == ("stack", "select")
        return super().pulumi(
            *arguments, *(["--secrets-provider", self.secrets_provider] if creates else []), **options
        )

    def _run(self, command: list[str], limit: float) -> Any:
        is_python = command[0] == sys.executable
        return super()._run([*self.python, *command[1:]] if is_python else command, limit)


if __name__ == "__main__":
    RunProgram.python, RunProgram.secrets_provider, RunProgram.packages = json.loads(sys.argv[1]), *sys.argv[2:4]
    vars(program)["Program"] = RunProgram
    sys.exit(main(sys.argv[4:], Pace(child=2, look=0.7, status=4, policy=0.1, metric=5, alarm=1, gone=10)))
