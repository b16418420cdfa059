"""Finds the Pulumi CLI, its host for YAML, and its generator of SDKs: those on PATH, or built by Go here, once.

No package index has them, but they are Go modules. A go.mod and a go.sum pin each as a dependency, since
`go install …@version` refuses a module with replace lines, as the CLI's own module has.

`python tests/engine/cli/build.py` prints their paths. If there is none, it prints the reason instead; the exit status
is then 1 if CI is set, since the engine tests must run there. With `--start` it does not wait: a process at low
priority builds what is missing while other tests run, and whoever needs it waits for that build.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO

FOLDER = Path(__file__).resolve().parent
OLDEST_GO = (1, 25)
SAY_EVERY = 15  # s between two signs of progress
LOWEST_PRIORITY = 19


@dataclass(frozen=True)
class Executable:
    """What Go builds.

    name: of the executable
    folder: of the go.mod that pins it
    module: which is pinned
    package: of the program
    version_variable: where the program finds its version
    version_command: prints its version, or None: then any version on PATH is taken
    source: of a program of ours, which is built again when it has changed
    packages: how many `go list -deps` lists; fewer are compiled if Go has some in its own cache
    """

    name: str
    folder: Path
    module: str
    package: str
    version_variable: str
    packages: int
    version_command: str | None = None
    source: Path | None = None


CLI = Executable(
    "pulumi",
    FOLDER,
    "github.com/pulumi/pulumi/pkg/v3",
    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
    1686,
    version_command="version",
)
YAML_HOST = Executable(
    "pulumi-language-yaml",
    FOLDER / "yaml_host",
    "github.com/pulumi/pulumi-yaml",
    "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    "github.com/pulumi/pulumi-yaml/pkg/version.Version",
    669,
)
SDK_GENERATOR = replace(
    CLI,
    name="nodejs-sdk-generator",
    package="./sdk_generator",
    packages=786,
    version_command=None,
    source=FOLDER / "sdk_generator" / "main.go",
)

ALL = (CLI, YAML_HOST, SDK_GENERATOR)


class NoPulumi(Exception):
    """There is no such executable and it cannot be built; the text gives the reason on one line."""


def find_pulumi(say: Callable[[str], None] = lambda text: None) -> Path:
    """Return the path of the CLI; see `find`."""
    return find(CLI, say)


def find(executable: Executable, say: Callable[[str], None] = lambda text: None) -> Path:
    """Return the path of one that is at least as new as the pinned one. Raises NoPulumi.

    `say` is called with a line about the progress every now and then while it is built, here or by another process.
    """
    pinned = _pinned_version(executable)
    existing = _existing(executable, pinned)
    if existing is None:
        _build(executable, pinned, say)
    return existing or _target(executable, pinned)


@cache
def is_built() -> bool:
    """Whether each of them is there, new enough."""
    return all(_existing(one, _pinned_version(one)) is not None for one in ALL)


def start_build() -> None:
    """Build in another process what is missing, and say so in one line. Raises NoPulumi."""
    pinned = {one: _pinned_version(one) for one in ALL}
    missing = [one for one in ALL if not _existing(one, pinned[one])]
    if not missing:
        return
    _find_go(missing[0], pinned[missing[0]])
    subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the tests, but not this: the next run needs it too
        preexec_fn=lambda: os.nice(LOWEST_PRIORITY),
    )
    names = ", ".join(f"{one.name} {pinned[one]}" for one in missing)
    print(
        f"Building in the background, once for all checkouts: {names}; with the CLI some 10 minutes. The engine's "
        f"tests come last and wait for it. To skip them: make test ARGS=\"-m 'not engine'\". To build less: put "
        f"`pulumi` {pinned[CLI]} or newer on PATH.",
        file=sys.stderr,
    )


def cache_folder() -> Path:
    """Return where the tests keep what all checkouts share."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchbell"


def must_run() -> bool:
    """Return whether skipping the engine tests counts as a failure."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _existing(executable: Executable, pinned: str) -> Path | None:
    on_path, command = shutil.which(executable.name), executable.version_command
    if (
        executable.source is None
        and on_path
        and (command is None or _version(_run(on_path, command)) >= _version(pinned))
    ):
        return Path(on_path)
    target = _target(executable, pinned)
    return target if target.exists() else None


def _target(executable: Executable, pinned: str) -> Path:
    changed = f"-{sha256(executable.source.read_bytes()).hexdigest()[:12]}" if executable.source else ""
    return cache_folder() / f"{executable.name}-{pinned}{changed}"


def _find_go(executable: Executable, pinned: str) -> str:
    go = shutil.which("go")
    if go is None or _version(_run(go, "env", "GOVERSION", cwd=FOLDER)) < OLDEST_GO:
        oldest = ".".join(map(str, OLDEST_GO))
        if executable.source:
            raise NoPulumi(f"engine tests of TypeScript need Go {oldest} to build {executable.name}; found none")
        raise NoPulumi(
            f"engine tests need `{executable.name}` {pinned} or newer on PATH, or Go {oldest} to build it; "
            "found neither"
        )
    return go


def _build(executable: Executable, version: str, say: Callable[[str], None]) -> None:
    go, target = _find_go(executable, version), _target(executable, version)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = target.with_name(f"{target.name}.log")
    with _locked(target.with_name(f"{target.name}.lock"), _Progress(executable, log, say)):
        if target.exists():
            return
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        flags = f"-s -w -X {executable.version_variable}={version}"  # without its version the Automation API refuses it
        command = [go, "build", "-v", "-ldflags", flags, "-o", str(unfinished), executable.package]
        environment = {**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
        log.unlink(missing_ok=True)
        progress = _Progress(executable, log, say)
        try:
            with log.open("w") as lines:
                process = subprocess.Popen(command, cwd=executable.folder, env=environment, stdout=lines, stderr=lines)
            while process.poll() is None:
                progress.say_now_and_then()
            if process.returncode != 0:
                reason = (log.read_text().strip().splitlines() or ["no reason given"])[-1]
                raise NoPulumi(f"{executable.name} {version} could not be built: {reason}")
            unfinished.rename(target)
            log.unlink()
        finally:
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(file: Path, progress: _Progress) -> Iterator[None]:
    """Wait until no other process builds, and keep others from it meanwhile."""
    with file.open("w") as lock:
        while not _lock(lock):
            progress.say_now_and_then()
        yield


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Progress:
    """Says every now and then how far the build with this log is."""

    def __init__(self, executable: Executable, log: Path, say: Callable[[str], None]) -> None:
        self._executable = executable
        self._log = log
        self._say = say
        self._next = time.monotonic()

    def say_now_and_then(self) -> None:
        """Take half a second, and say how far the build is if that is due."""
        time.sleep(0.5)
        if time.monotonic() < self._next:
            return
        self._next += SAY_EVERY
        with contextlib.suppress(OSError):
            lines = self._log.read_text().splitlines()
            loaded = sum(line.startswith("go: downloading ") for line in lines)
            built = sum(not line.startswith("go: ") for line in lines)
            self._say(
                f"{self._executable.name} is being built: {loaded} modules loaded, {built} packages compiled of "
                f"{self._executable.packages:,}"
            )


def _pinned_version(executable: Executable) -> str:
    found = re.search(rf"{re.escape(executable.module)} (v\S+)", (executable.folder / "go.mod").read_text())
    assert found, f"go.mod does not pin {executable.name}"
    return found[1]


def _run(*command: str, cwd: Path | None = None) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False).stdout


def _version(text: str) -> tuple[int, ...]:
    """Parse a version: (3, 259, 0) from "v3.259.0", (1, 25) from "go1.25"; () if there is none, older than any."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def main() -> None:
    try:
        if sys.argv[1:] == ["--start"]:
            start_build()
        else:
            for executable in ALL:
                print(find(executable, say=lambda text: print(text, file=sys.stderr, flush=True)))
    except NoPulumi as missing:
        print(missing if must_run() else f"{missing}: skipped", file=sys.stderr)
        sys.exit(1 if must_run() else 0)


if __name__ == "__main__":
    main()
