"""Finds the Pulumi CLI for the engine tests: the one on PATH, or one that Go builds here, once.

No package index has the CLI, but it is a Go module. go.mod and go.sum beside this file pin it as a dependency, since
`go install …@version` refuses a module with replace lines, as the CLI's own module has.

`python tests/engine/cli/build.py` prints the path. If there is no CLI, it prints the reason instead; the exit status is
then 1 if CI is set, since the engine tests must run there.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MODULE = "github.com/pulumi/pulumi/pkg/v3"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
OLDEST_GO = (1, 25)


class NoPulumi(Exception):
    """There is no CLI and it cannot be built; the text gives the reason on one line."""


def find_pulumi() -> Path:
    """Return the path of a CLI that is at least as new as the pinned one. Raises NoPulumi."""
    pinned = _pinned_version()
    on_path = shutil.which("pulumi")
    if on_path and _version(_run(on_path, "version")) >= _version(pinned):
        return Path(on_path)
    built = _cache() / f"pulumi-{pinned}"
    if not built.exists():
        _build(built, pinned)
    return built


def must_run() -> bool:
    """Return whether skipping the engine tests counts as a failure."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _build(target: Path, version: str) -> None:
    go = shutil.which("go")
    if go is None or _version(_run(go, "env", "GOVERSION", cwd=FOLDER)) < OLDEST_GO:
        oldest = ".".join(map(str, OLDEST_GO))
        raise NoPulumi(
            f"engine tests need `pulumi` {version} or newer on PATH, or Go {oldest} to build it; found neither"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes may build at the same time
        if target.exists():
            return
        print(f"Building the Pulumi CLI {version} into {target.parent}: some minutes, once ...", file=sys.stderr)
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        flags = f"-s -w -X {VERSION_VARIABLE}={version}"  # without its version the Automation API refuses it
        command = [go, "build", "-ldflags", flags, "-o", str(unfinished), f"{MODULE}/cmd/pulumi"]
        environment = {**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
        try:
            done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise NoPulumi(f"the Pulumi CLI {version} could not be built: {reason}")
            unfinished.rename(target)
        finally:
            unfinished.unlink(missing_ok=True)


def _pinned_version() -> str:
    found = re.search(rf"{re.escape(MODULE)} (v\S+)", (FOLDER / "go.mod").read_text())
    assert found, "go.mod does not pin the CLI"
    return found[1]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchbell"


def _run(*command: str, cwd: Path | None = None) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False).stdout


def _version(text: str) -> tuple[int, ...]:
    """Parse a version: (3, 259, 0) from "v3.259.0", (1, 25) from "go1.25"; () if there is none, older than any."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def main() -> None:
    try:
        print(find_pulumi())
    except NoPulumi as missing:
        print(missing if must_run() else f"{missing}: skipped", file=sys.stderr)
        sys.exit(1 if must_run() else 0)


if __name__ == "__main__":
    main()
