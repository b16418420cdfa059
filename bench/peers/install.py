"""Installs the programs to compare with, once, in a cache: Apprise from PyPI, Alertmanager from its Go module.

`python -m bench.peers.install` prints where they are. A program that cannot be installed here is not compared; why is
said in one line, and the exit code is 0 all the same: the product needs none of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
MODULE = "github.com/prometheus/alertmanager"
VERSION = "v0.35.0"
SUM = "h1:nbXMjr+P2JaoFd7aHNDxKifEwTPN+TWxM0gNPonuH5w="  # of the module's content; its go.sum pins all others
# Its web page is built by npm and is not in the module; the program does not compile without files there.
PAGES = ("ui/app/dist/elm/index.html", "ui/app/dist/mantine/index.html")
TIMEOUT = 900  # s: the compiler takes a minute and a half on two cores, after the download


class PeerMissing(Exception):
    """A program to compare with is not here and cannot be installed; the text gives the reason on one line."""


def apprise() -> Path:
    """Return the Python of an environment that has Apprise. Raises PeerMissing."""
    found = sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return _once(f"apprise-{found}", _install_apprise) / "bin" / "python"


def alertmanager() -> Path:
    """Return the path of the program. Raises PeerMissing."""
    return _once(f"alertmanager-{VERSION}", _build_alertmanager) / "alertmanager"


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder in the cache; `make` fills it if it is not there yet."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchbell" / name
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        done.touch()
    return folder


def _install_apprise(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run("Apprise", [*pip, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)], folder)


def _build_alertmanager(folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise PeerMissing("Alertmanager: there is no Go to build it")
    downloaded = json.loads(_run("Alertmanager", [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"], folder))
    if downloaded["Sum"] != SUM:
        raise PeerMissing(f"Alertmanager: the module {VERSION} is not the pinned one")
    source = folder / "source"
    shutil.copytree(downloaded["Dir"], source, copy_function=shutil.copyfile)
    for folder_of_it in [source, *source.rglob("*")]:
        if folder_of_it.is_dir():
            folder_of_it.chmod(0o755)
    for page in PAGES:
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        (source / page).write_text("<!doctype html><title>not built</title>\n", encoding="utf-8")
    target = folder / "alertmanager"
    flags = {"GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    _run("Alertmanager", [go, "build", "-ldflags", "-s -w", "-o", str(target), "./cmd/alertmanager"], source, flags)
    shutil.rmtree(source)


def _run(peer: str, command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """Return what the command prints. Raises PeerMissing with its last line if it fails."""
    environment = {**os.environ, **(variables or {})}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(f"{peer}: {type(error).__name__}") from None
    if done.returncode != 0:
        raise PeerMissing(f"{peer} could not be installed: {_reason(done.stderr, done.stdout)}")
    return done.stdout


def _reason(errors: str, printed: str) -> str:
    """Return the last line of the errors, or the one that `go mod download -json` prints."""
    if lines := errors.strip().splitlines():
        return lines[-1]
    try:
        return str(json.loads(printed)["Error"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def main() -> None:
    """Install what can be, and say where it is or why not."""
    for install in (apprise, alertmanager):
        try:
            print(install())
        except PeerMissing as missing:
            print(f"{missing}: not compared", file=sys.stderr)


if __name__ == "__main__":
    main()
