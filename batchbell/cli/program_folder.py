"""Where the Pulumi program is: in the current folder."""

from __future__ import annotations

from pathlib import Path

from batchbell import stack_files
from batchbell.cli.errors import CommandFailed


def program_folder() -> Path:
    """Return the current folder, if it is a Pulumi program's. Raises CommandFailed."""
    if not any(Path(name).exists() for name in stack_files.PROJECT_FILES):
        raise CommandFailed("there is no Pulumi.yaml here: change to the program's folder")
    return Path.cwd()
