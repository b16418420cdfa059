"""Builds wheels, virtual environments and handwritten distributions for tests."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from batchbell.plugins import Plugin

# The deploy-time half of a notifier without settings and grants.
INFRASTRUCTURE = """
from batchbell.provisioning import Grants, NotifierSettings as Settings
def provision(name, settings, *, opts, context):
    return Grants()
"""

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of the project in `source` with the installed build backend, without a download."""
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    return wheel


def download(names: Sequence[str], folder: Path) -> Sequence[Path]:
    """Download the wheels of these distributions, at the versions that are installed here."""
    pins = [f"{name}=={metadata.version(name)}" for name in names]
    run(*PIP, "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), *pins)
    return sorted(folder.glob("*.whl"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment with a few distributions of its own, on top of those of this Python."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *wheels: Path, compiled: bool = False) -> Environment:
        """Create it and install the wheels. `compiled`: with .pyc files."""
        venv.create(folder, with_pip=False)
        made = cls(folder)
        if wheels:
            options = ["--no-deps", "--no-index", *([] if compiled else ["--no-compile"])]
            run(PIP[0], "-m", "pip", "--python", str(made.python), *PIP[3:], "install", *options, *map(str, wheels))
        # Last on the path, so that the environment's own distributions come first.
        made.site.joinpath("of-the-tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        return made

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """The folder site-packages."""
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found

    def run(self, program: str, *arguments: str, cwd: Path, **variables: str) -> str:
        """Run Python code there, away from this checkout, and return what it printed."""
        return run(str(self.python), "-c", program, *arguments, cwd=cwd, env={"PATH": "/usr/bin:/bin", **variables})


def run(*command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def put_distribution(site: Path, name: str, files: Mapping[str, str], *, requires: str = "", **extra: str) -> None:
    """Install version 1.0 of a pure distribution with these files. `extra`: texts for its metadata, by file name."""
    info = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **{key.replace("_json", ".json").replace("_txt", ".txt"): text for key, text in extra.items()},
    }
    folder = f"{name.replace('-', '_')}-1.0.dist-info"
    everything = {**files, **{f"{folder}/{key}": text for key, text in info.items()}}
    record = "".join(f"{file},,\n" for file in [*everything, f"{folder}/RECORD"])
    write(site, everything | {f"{folder}/RECORD": record})


def put_plugin(site: Path, package: str, *, requires: str = "()", notifier: str = "", **files: str) -> Plugin:
    """Write a notifier of the type `pager`. `files`: further files of its package."""
    infrastructure = f"{INFRASTRUCTURE}REQUIRES = {requires}\n"
    write(site / package, {"__init__.py": "", "infrastructure.py": infrastructure, "notifier.py": notifier, **files})
    return Plugin("pager", package)
