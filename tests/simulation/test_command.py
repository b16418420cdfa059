from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.installed


def test_many_seeds_are_simulated_side_by_side(project: Path) -> None:
    """As `make simulate` does, in processes of their own."""
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "4", "--jobs", "3", "--processes", "2"]
    done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert "4 seeds in" in done.stdout
    assert "0 break a promise" in done.stdout
