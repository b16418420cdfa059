"""Builds wheels, virtual environments and handwritten distributions for tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from batchbell.plugins import Plugin
from components.package.runtime import Runtime

# The deploy-time half of a notifier without settings and grants.
INFRASTRUCTURE = """
from batchbell.provisioning import Grants, NotifierSettings as Settings
def provision(name, settings, *, opts, context):
    return Grants()
"""

HOST = Runtime.host()
# Packages for it have the same files but the compiled ones, which take most of a build.
OTHER_PYTHON = Runtime("3.12" if HOST.python != "3.12" else "3.13", HOST.architecture)
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of the project in `source` with the installed build backend, without a download.

    pip would start four processes for it.
    """
    from hatchling.builders.wheel import WheelBuilder  # only few files need it

    (built,) = WheelBuilder(str(source)).build(directory=str(folder), versions=["standard"])
    return Path(built)


@dataclass(frozen=True)
class Environment:
    """A virtual environment with a few distributions of its own, on top of those of this Python."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *wheels: Path) -> Environment:
        """Create it and unpack the wheels: all that an installer does, but for scripts and compiled files."""
        venv.create(folder, with_pip=False)
        made = cls(folder)
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(made.site)
        # Last on the path, so that the environment's own distributions come first.
        made.site.joinpath("of-the-tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        return made

    def install(self, wheel: Path, *, compiled: bool = False) -> None:
        """Install a wheel with pip, with its scripts. `compiled`: with .pyc files, which its list of files then has."""
        options = ["--no-deps", "--no-index", *([] if compiled else ["--no-compile"])]
        run(PIP[0], "-m", "pip", "--python", str(self.python), *PIP[3:], "install", *options, str(wheel))

    def copy(self, name: str) -> None:
        """Copy a distribution that is installed here, without its scripts."""
        distribution = metadata.distribution(name)
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if file.parts[0] != ".." and path.is_file():
                copy = self.site / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)

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
