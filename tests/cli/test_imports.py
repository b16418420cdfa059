"""A command imports only what it uses: which packages a process has imported when a command ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.installed

SLOW = {"boto3", "pulumi", "pulumi_aws", "requests"}  # each takes some 0.1 s of processor time
CODE = """
import contextlib, json, os, sys
from batchbell.cli import app
with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.suppress(SystemExit):
    app(sys.argv[1:])
print(json.dumps([name for name in sys.modules if "." not in name]))
"""


@pytest.mark.parametrize(
    ("command", "imported"),
    [
        (["--help"], set()),
        (["replay", "missing.json"], {"boto3"}),
        (["status"], {"boto3"}),
        (["explain", "tests/events/parent-failed.json"], {"pulumi", "requests"}),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else " ".join(value),
)
def test_a_command_imports_only_what_it_uses(command: Sequence[str], imported: set[str], project: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE, *command], capture_output=True, text=True, check=True, cwd=project, timeout=120
    )

    assert SLOW.intersection(json.loads(ended.stdout)) == imported
