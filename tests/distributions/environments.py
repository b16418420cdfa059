"""A virtual environment of its own. Nothing is downloaded: it sees the requirements of this one."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NOT_HANDED_ON = ("AWS_", "BOTO", "PIP_", "PULUMI_", "PYTEST_", "PYTHON", "VIRTUAL_ENV")


def environment_variables(home: Path) -> dict[str, str]:
    """Those of a person who has nothing set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}
    return {**kept, "HOME": str(home)}


def share_requirements(environment: Path) -> None:
    """Let a virtual environment import what this Python's has: all that is required, and pytest."""
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheels that were installed into it."""

    folder: Path

    def run(
        self, *arguments: str | Path, cwd: Path, text: str = "", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Its Python with these arguments; `text`: for standard input. Fails with what was printed."""
        done = subprocess.run(
            [str(self.folder / "bin" / "python"), *map(str, arguments)],
            cwd=cwd,
            env={**environment_variables(self.folder), **(more or {})},
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done
