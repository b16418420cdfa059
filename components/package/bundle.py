"""Builds the Lambda's package: the dispatcher, the chosen notifiers' run-time halves, and their dependencies.

Every machine builds the same names and contents, so that a deploy from another machine shows no difference. Compiled
files are the exception: only Python 3.13 writes them for Python 3.13. Without them a cold start takes about 0.3 s more
(measured), since Lambda's code folder is read-only.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
MADE_BY = ("bundle.py", "distributions.py", "runtime.py", "sources.py")  # a change in these makes another package
TASK_ROOT = "/var/task"  # where Lambda unpacks the package; compiled files hold the path of their source
KEPT = 7 * 24 * 3600  # s; a build removes packages from the cache that are older

# Python 3.11 fails now and then when two threads parse at once, as a program with two notifiers may: "AST constructor
# recursion depth mismatch" (python/cpython#106905). `packaging` parses, too, when it reads requirements.
_parsing = threading.Lock()


@dataclass(frozen=True)
class Parts:
    """What a package consists of, known before it is built."""

    sources: Mapping[str, Path]  # own files, by their names in the package
    third_party: Sequence[Distribution]
    plugins: Sequence[Distribution]  # notifiers that are installed distributions
    left_out: frozenset[str]  # files that stay out, by their names in the package
    runtime: Runtime

    def key(self) -> str:
        """A key that changes if and only if anything in the package changes."""
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
    """Return the folder to deploy for these notifiers, from the cache if it was built before.

    plugins: the notifiers; their order and repetitions do not matter
    cache: the folder of built packages; .batchbell/bundle in the working folder (a Pulumi program's own) if not given,
        which Git then ignores whatever the program's .gitignore says

    Finding it in the cache writes nothing and asks no package index. Raises BundleError for a distribution that is not
    installed, or that has no wheel for the runtime.
    """
    with _parsing:
        parts = _parts(sorted(set(plugins), key=lambda plugin: plugin.type), runtime)
    own = Path.cwd() / ".batchbell"
    cache = cache or own / "bundle"
    folder = cache / parts.key()
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        if cache.is_relative_to(own):
            (own / ".gitignore").write_text("*\n", encoding="utf-8")
        _sweep(cache)
        making = cache / f".making-{uuid.uuid4().hex}"
        try:
            _make(parts, making)
            _move_into_place(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def has_compiled_files(runtime: Runtime) -> bool:
    """Whether this Python can compile the modules for the runtime."""
    return platform.python_implementation() == "CPython" and Runtime.host().python == runtime.python


def _parts(plugins: Sequence[Plugin], runtime: Runtime) -> Parts:
    # The dependencies of such a distribution are for deploy time (batchbell, pydantic); REQUIRES lists the others.
    own = {
        plugin: distributions.installed(plugin.distribution, str(plugin)) for plugin in plugins if plugin.distribution
    }
    modules = {name: path for each in own.values() for name, path in distributions.modules(each).items()}
    sources = RunTimeSources(plugins, modules)
    third_party: dict[str, Distribution] = {}
    names: dict[str, Iterable[str]] = {}  # of modules, by distribution
    for plugin in plugins:
        required = _required(plugin, runtime)
        names |= {each: distributions.modules(required[each]) for each in required.keys() - names.keys()}
        sources.check_imports(plugin, {name for each in required for name in names[each]})
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
    """The distributions that the notifier may import, whatever other notifiers require."""
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
    """All files of the package, by their names in it. `fetched`: a folder for wheels that pip has to fetch."""
    yield from parts.sources.items()
    everything = {each.name: each for each in (*parts.third_party, *parts.plugins)}.values()
    foreign = [each for each in everything if not distributions.runs_on(each, parts.runtime)]
    native = distributions.fetch(foreign, parts.runtime, fetched) if foreign else []
    for distribution in (*(each for each in everything if each not in foreign), *native):
        yield from distributions.files(distribution)


def _compile(folder: Path) -> None:
    """Compile the modules in a separate process.

    What a .pyc holds depends on what the process compiled before, and on its hash seed. A file that does not compile (a
    template, code for another version) stays a source.
    """
    command = [sys.executable, "-s", "-S", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", TASK_ROOT, str(folder)]
    subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, check=False)


def _move_into_place(making: Path, folder: Path) -> None:
    try:
        making.rename(folder)
    except OSError:
        if not folder.is_dir():  # if it is, another process was faster, with the same contents
            raise


def _sweep(cache: Path) -> None:
    """Remove packages that are no longer used, and the remains of killed builds."""
    for old in cache.iterdir():
        if time.time() - old.stat().st_mtime > KEPT:
            shutil.rmtree(old, ignore_errors=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
