"""Removes the cause of the demo's failures, outside of the job, and runs the failed children again."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchbell_local.cloud import LocalCloud

TIMEOUT = 120  # seconds; a rerun of 10,000 children takes some 60


class RerunFailed(Exception):
    """The command failed; the text is what it said."""


@dataclass(frozen=True)
class RerunResult:
    """Which children were run again, by index in the first array, and how many of them then succeeded."""

    indexes: Sequence[int]
    succeeded: int

    def to_dict(self) -> dict[str, Any]:
        return {"indexes": list(self.indexes), "succeeded": self.succeeded}


@contextlib.contextmanager
def failure_cause() -> Iterator[Path]:
    """Make a file in the block; children fail as long as it is there."""
    with tempfile.TemporaryDirectory(prefix="no-colour-left-") as folder:
        cause = Path(folder) / "cause"
        cause.touch()
        yield cause


def run_failed_again(cloud: LocalCloud, program: Path, job_id: str) -> RerunResult:
    """Run `batchbell rerun` as an operator does, and wait for the outcome. Raises RerunFailed."""
    command = [sys.executable, "-m", "batchbell", "rerun", job_id, "--yes", "--wait", "--json"]
    environment = {**os.environ, **cloud.environment()}
    try:
        done = subprocess.run(
            command, cwd=program, env=environment, capture_output=True, encoding="utf-8", timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise RerunFailed(f"`rerun` did not end within {TIMEOUT} s") from None
    if not done.stdout:
        raise RerunFailed(f"`rerun` failed: {done.stderr.strip()}")
    printed = json.loads(done.stdout)
    return RerunResult(printed["indexes"], printed["outcome"]["succeeded"])
