"""Distributions as other people have them: built as wheels, installed by pip into environments of their own."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.distributions.environments import Environment, share_requirements

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Build the distribution in a folder."""

    def build(source: Path) -> Path:
        folder = tmp_path_factory.mktemp("wheel")
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
        subprocess.run([*PIP, "wheel", *options, str(source)], check=True)
        (made,) = folder.glob("*.whl")
        return made

    return build


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """Make an environment and install wheels into it."""

    def make(*wheels: Path) -> Environment:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, with_pip=False, symlinks=True)
        share_requirements(folder)
        python = str(folder / "bin" / "python")
        subprocess.run([*PIP, "--python", python, "install", "--no-index", *map(str, wheels)], check=True)
        return Environment(folder)

    return make
