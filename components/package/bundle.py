"""The Lambda's package, as a folder: the dispatcher, the chosen notifiers' run-time halves, and their dependencies.

Every machine makes the same names and contents, so that a deploy from another one shows no difference. Compiled files
are the exception: only Python 3.13 makes them for Python 3.13. Without them a cold start takes about 0.3 s longer
(measured), since the code's folder is read-only in Lambda.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from batchbell.plugins import Plugin

from . import distributions
from .errors import BundleError
from .runtime import Runtime
from .sources import NOT_RUN_TIME_HALVES, RunTimeSources

__all__ = ["BundleError", "Runtime", "build", "has_compiled_files"]

DISPATCHER_REQUIRES = "aws-lambda-powertools"
MADE_BY = ("bundle.py", "distributions.py", "runtime.py", "sources.py")  # other rules, another package
TASK_ROOT = "/var/task"  # where Lambda unpacks the package; compiled files hold their source's path
KEPT = 7 * 24 * 3600  # seconds that a cached package may be used before the next new one sweeps it away


@dataclass(frozen=True)
class Parts:
    """What a package is made of, known without making it."""

    sources: Mapping[str, Path]  # our own files by their names in the package
    third_party: Sequence[Distribution]
    plugins: Sequence[Distribution]  # the notifiers that came as distributions
    left_out: frozenset[str]  # names in the package
    runtime: Runtime

    def key(self) -> str:
        """The same for the same package, and another one when anything in it changes."""
        contents = {
            "made by": [_digest(Path(__file__).with_name(name)) for name in MADE_BY],
            "runtime": str(self.runtime),
            "compiled": has_compiled_files(self.runtime),
            "sources": {name: _digest(path) for name, path in self.sources.items()},
            "third party": {each.name: [each.version, each.read_text("RECORD")] for each in self.third_party},
            "plugins": [[each.name, each.version, each.read_text("RECORD")] for each in self.plugins],
        }
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:32]


def build(plugins: Sequence[Plugin], runtime: Runtime, *, cache: Path | None = None) -> Path:
    """The folder to deploy for these notifiers; their order and repetitions do not matter.

    It is made once and then found in `cache`, which is .batchbell/bundle in the working folder (a Pulumi program's own)
    if not given. Finding it writes nothing and asks no package index.

    Raises BundleError for a distribution that is not installed, or that has no wheel for the runtime.
    """
    parts = _parts(sorted(set(plugins), key=lambda plugin: plugin.type), runtime)
    cache = cache or Path.cwd() / ".batchbell" / "bundle"
    folder = cache / parts.key()
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        making = cache / f".making-{uuid.uuid4().hex}"
        try:
            _make(parts, making)
            _move_into_place(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def has_compiled_files(runtime: Runtime) -> bool:
    """Whether a package made by this Python for the runtime holds .pyc files."""
    return platform.python_implementation() == "CPython" and Runtime.host().python == runtime.python


def _parts(plugins: Sequence[Plugin], runtime: Runtime) -> Parts:
    # What such a distribution requires is for deploy time (batchbell, pydantic): REQUIRES names the rest.
    own = {
        plugin: distributions.installed(plugin.distribution, str(plugin)) for plugin in plugins if plugin.distribution
    }
    modules = {name: path for each in own.values() for name, path in distributions.modules(each).items()}
    sources = RunTimeSources(plugins, modules)
    third_party: dict[str, Distribution] = {}
    for plugin in plugins:
        required = _required(plugin, runtime)
        sources.check_imports(plugin, {name for each in required.values() for name in distributions.modules(each)})
        third_party |= required
    return Parts(
        sources=sources.files(),
        third_party=[third_party[name] for name in sorted(third_party)],
        plugins=list(own.values()),
        left_out=frozenset(
            f"{plugin.package.replace('.', '/')}/{half}.py" for plugin in own for half in NOT_RUN_TIME_HALVES
        ),
        runtime=runtime,
    )


def _required(plugin: Plugin, runtime: Runtime) -> Mapping[str, Distribution]:
    """What the notifier finds beside it, whatever other notifiers bring along."""
    roots = {DISPATCHER_REQUIRES: "batchbell", **dict.fromkeys(plugin.requires(), str(plugin))}
    return distributions.required(roots, runtime)


def _make(parts: Parts, folder: Path) -> None:
    fetched = folder.with_name(f"{folder.name}-fetched")
    try:
        for name, path in _files(parts, fetched):
            if name in parts.left_out:
                continue
            if (top := name.split("/")[0].removesuffix(".py")) in sys.stdlib_module_names:
                raise BundleError(f"{path} would hide Python's own module {top} in the Lambda")
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    finally:
        shutil.rmtree(fetched, ignore_errors=True)
    if has_compiled_files(parts.runtime):
        _compile(folder)


def _files(parts: Parts, fetched: Path) -> Iterator[tuple[str, Path]]:
    """Every file of the package by its name in it; `fetched` is a folder for what pip has to fetch."""
    yield from parts.sources.items()
    everything = {each.name: each for each in (*parts.third_party, *parts.plugins)}.values()
    foreign = [each for each in everything if not distributions.runs_on(each, parts.runtime)]
    native = distributions.fetch(foreign, parts.runtime, fetched) if foreign else []
    for distribution in (*(each for each in everything if each not in foreign), *native):
        yield from distributions.files(distribution)


def _compile(folder: Path) -> None:
    """Compile the modules where Python looks for the result, in a process of its own: what a .pyc holds depends on
    what was compiled before it in the same process, and on the seed of the hashes. A file that does not compile
    (a template, code for another version) stays a source."""
    command = [sys.executable, "-s", "-S", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", TASK_ROOT, str(folder)]
    subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, check=False)


def _move_into_place(making: Path, folder: Path) -> None:
    try:
        making.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was faster, with the same contents
            raise


def _sweep(cache: Path) -> None:
    """Remove packages of former choices and sources, and what a killed build left."""
    for old in cache.iterdir():
        if time.time() - old.stat().st_mtime > KEPT:
            shutil.rmtree(old, ignore_errors=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
