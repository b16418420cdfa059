"""Finds the Pulumi CLI for the engine tests: the one on PATH, or one that Go builds here, once.

No package index has the CLI, but it is a Go module. go.mod and go.sum beside this file pin it as a dependency, since
`go install …@version` refuses a module with replace lines, as the CLI's own module has.

`python tests/engine/cli/build.py` prints the path. If there is no CLI, it prints the reason instead; the exit status is
then 1 if CI is set, since the engine tests must run there. With `--start` it does not wait: if the CLI must be built, a
process at low priority builds it while other tests run, and whoever needs the CLI waits for that build.
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
from functools import cache
from pathlib import Path
from typing import IO

FOLDER = Path(__file__).resolve().parent
MODULE = "github.com/pulumi/pulumi/pkg/v3"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
PACKAGE = f"{MODULE}/cmd/pulumi"
PACKAGES = 1686  # of `go list -deps`; fewer are compiled if Go has some in its own cache
OLDEST_GO = (1, 25)
SAY_EVERY = 15  # s between two signs of progress
LOWEST_PRIORITY = 19


class NoPulumi(Exception):
    """There is no CLI and it cannot be built; the text gives the reason on one line."""


def find_pulumi(say: Callable[[str], None] = lambda text: None) -> Path:
    """Return the path of a CLI that is at least as new as the pinned one. Raises NoPulumi.

    `say` is called with a line about the progress every now and then while the CLI is built, here or by another
    process.
    """
    pinned = _pinned_version()
    existing = _existing(pinned)
    if existing is None:
        _build(_target(pinned), pinned, say)
    return existing or _target(pinned)


@cache
def is_built() -> bool:
    """Whether there is a CLI that is new enough."""
    return _existing(_pinned_version()) is not None


def start_build() -> None:
    """Build the CLI in another process, unless there is one; say so in one line. Raises NoPulumi."""
    pinned = _pinned_version()
    if _existing(pinned):
        return
    _find_go(pinned)
    subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the tests, but not this: the next run needs it too
        preexec_fn=lambda: os.nice(LOWEST_PRIORITY),
    )
    print(
        f"Building the Pulumi CLI {pinned} in the background, once for all checkouts: some 8 minutes. The engine's "
        f"tests come last and wait for it. To skip them: make test ARGS=\"-m 'not engine'\". To build nothing: put "
        f"`pulumi` {pinned} or newer on PATH.",
        file=sys.stderr,
    )


def must_run() -> bool:
    """Return whether skipping the engine tests counts as a failure."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _existing(pinned: str) -> Path | None:
    on_path = shutil.which("pulumi")
    if on_path and _version(_run(on_path, "version")) >= _version(pinned):
        return Path(on_path)
    return _target(pinned) if _target(pinned).exists() else None


def _target(pinned: str) -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchbell" / f"pulumi-{pinned}"


def _find_go(pinned: str) -> str:
    go = shutil.which("go")
    if go is None or _version(_run(go, "env", "GOVERSION", cwd=FOLDER)) < OLDEST_GO:
        oldest = ".".join(map(str, OLDEST_GO))
        raise NoPulumi(
            f"engine tests need `pulumi` {pinned} or newer on PATH, or Go {oldest} to build it; found neither"
        )
    return go


def _build(target: Path, version: str, say: Callable[[str], None]) -> None:
    go = _find_go(version)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = target.with_name(f"{target.name}.log")
    with _locked(target.with_name(f"{target.name}.lock"), _Progress(log, say)):
        if target.exists():
            return
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        flags = f"-s -w -X {VERSION_VARIABLE}={version}"  # without its version the Automation API refuses it
        command = [go, "build", "-v", "-ldflags", flags, "-o", str(unfinished), PACKAGE]
        environment = {**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
        log.unlink(missing_ok=True)
        progress = _Progress(log, say)
        try:
            with log.open("w") as lines:
                process = subprocess.Popen(command, cwd=FOLDER, env=environment, stdout=lines, stderr=lines)
            while process.poll() is None:
                progress.say_now_and_then()
            if process.returncode != 0:
                reason = (log.read_text().strip().splitlines() or ["no reason given"])[-1]
                raise NoPulumi(f"the Pulumi CLI {version} could not be built: {reason}")
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

    def __init__(self, log: Path, say: Callable[[str], None]) -> None:
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
                f"The Pulumi CLI is being built: {loaded} modules loaded, {built} packages compiled of {PACKAGES:,}"
            )


def _pinned_version() -> str:
    found = re.search(rf"{re.escape(MODULE)} (v\S+)", (FOLDER / "go.mod").read_text())
    assert found, "go.mod does not pin the CLI"
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
            print(find_pulumi(say=lambda text: print(text, file=sys.stderr, flush=True)))
    except NoPulumi as missing:
        print(missing if must_run() else f"{missing}: skipped", file=sys.stderr)
        sys.exit(1 if must_run() else 0)


if __name__ == "__main__":
    main()
