"""Finds which of our own files run in the Lambda.

These are the modules that the handler and the chosen notifiers import, and data files in a notifier's folder. It reads
the sources and imports nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path

import batchbell
from batchbell.plugins import Plugin, notifiers_package

from . import distributions
from .errors import BundleError
from .imports import Import, read_imports

HANDLER = "batchbell.dispatcher.handler"
# Modules that the package never holds, and modules of a notifier that it never holds.
NOT_RUN_TIME = (
    "batchbell.provisioning",
    "batchbell.plugins",
    "batchbell.preview",
    "batchbell.slack_markup",
    "batchbell.conformance",
    "batchbell.components",
)
NOT_RUN_TIME_HALVES = ("infrastructure", "preview")
NO_DATA = ("README.md", "tests", "__pycache__")  # files and folders of a notifier that are not packaged

# Modules that a Python runtime has without the package (AWS: "Runtime-included SDK versions").
RUNTIME_MODULES = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"})


@dataclass(frozen=True)
class RunTimeSources:
    """The code of batchbell and of the chosen notifiers.

    `installed`: the files of notifiers that are installed distributions, by module name.
    """

    plugins: Sequence[Plugin]
    installed: Mapping[str, Path]

    def files(self) -> dict[str, Path]:
        """The files, by their names in the package ("notifiers/slack/notifier.py").

        The files of an installed distribution are left out, since they come with it; what they import of batchbell is
        included. Raises BundleError if a module is missing, or imports a module that exists at deploy time only.
        """
        modules = self._closure([HANDLER, *(plugin.notifier_module for plugin in self.plugins)])
        files = {
            module.replace(".", "/") + ("/__init__.py" if path.name == "__init__.py" else ".py"): path
            for module, path in modules.items()
            if module not in self.installed
        }
        for plugin in self.plugins:
            if not plugin.distribution:
                files |= dict(_data_files(plugin))
        return dict(sorted(files.items()))

    def check_imports(self, plugin: Plugin, bundled: Iterable[str]) -> None:
        """Raise BundleError, naming all, if the notifier imports modules that the Lambda will not have.

        The Lambda has the notifier's own modules, and those of Python, the runtime, batchbell, and `bundled`.
        """
        there = {*bundled, *self.installed}
        missing = {
            found.modules[0]: f"{module} line {found.line}"
            for module, path in self._closure([plugin.notifier_module]).items()
            for found in self._imports(module, path)
            if not found.optional and not any(self._is_there(name, there) for name in found.modules)
        }
        if missing:
            raise BundleError(
                f"{plugin} imports modules that would be missing in the Lambda; REQUIRES in "
                f"{plugin.package}.infrastructure must list their distributions: "
                + "; ".join(f"{name} ({place}): {_fix(name)}" for name, place in missing.items())
            )

    def _is_there(self, name: str, there: set[str]) -> bool:
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in RUNTIME_MODULES:
            return True
        return any(module in there or self._locate(module) for module in _with_parents(name))

    def _closure(self, roots: Sequence[str]) -> dict[str, Path]:
        """Our own modules that importing `roots` may import, with their files."""
        found: dict[str, Path] = {}
        waiting = [(root, "") for root in roots]
        while waiting:
            module, importer = waiting.pop()
            if module in found:
                continue
            path = self._locate(module)
            if path is None:
                if not importer:
                    raise BundleError(
                        f"{module} is missing: no file of batchbell or of the chosen notifiers' distributions"
                    )
                continue
            if f"{module}.".startswith(tuple(f"{one}." for one in NOT_RUN_TIME)) or module.endswith(
                tuple(f".{half}" for half in NOT_RUN_TIME_HALVES)
            ):
                raise BundleError(
                    f"{importer} runs in the Lambda but imports {module}, which exists at deploy time only"
                )
            found[module] = path
            parent = module.rpartition(".")[0]
            waiting += [(parent, module)] if parent else []
            waiting += [(name, module) for one in self._imports(module, path) for name in one.modules]
        return found

    def _locate(self, module: str) -> Path | None:
        """The module's file, or None if it belongs to another package or is not a module."""
        if module not in self._located:
            self._located[module] = self._find(module)
        return self._located[module]

    def _find(self, module: str) -> Path | None:
        if module in self.installed:
            return self.installed[module]
        for package in sorted(self._packages, key=len, reverse=True):
            if f"{module}.".startswith(f"{package}."):
                base = self._packages[package].joinpath(*module[len(package) :].strip(".").split("."))
                candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
                return next((path for path in candidates if path.is_file()), None)
        return None

    def _imports(self, module: str, path: Path) -> Sequence[Import]:
        if module not in self._read:
            try:
                self._read[module] = tuple(read_imports(module, path)) if path.suffix == ".py" else ()  # or native code
            except SyntaxError as error:
                where = f"{path}, line {error.lineno}"
                raise BundleError(f"{module} is not a Python module: {where}: {error.msg}") from error
        return self._read[module]

    @cached_property
    def _located(self) -> dict[str, Path | None]:
        return {}

    @cached_property
    def _read(self) -> dict[str, Sequence[Import]]:
        return {}

    @cached_property
    def _packages(self) -> Mapping[str, Path]:
        """The folders of batchbell and of notifiers that are not installed distributions, by package."""
        own = {plugin.package: plugin.folder() for plugin in self.plugins if not plugin.distribution}
        return {"batchbell": Path(batchbell.__file__).parent, **dict([notifiers_package()]), **own}


def _fix(name: str) -> str:
    """How to get a missing module into the package."""
    for distribution in metadata.distributions():
        if not set(_with_parents(name)).isdisjoint(distributions.modules(distribution)):
            return f'add "{distribution.name}"'
    return "install the distribution that has it, and add that"


def _with_parents(name: str) -> Sequence[str]:
    """The module and its parents.

    A module counts as present if one of them is listed: below a regular package anything may exist, and namespace
    packages are never listed.
    """
    parts = name.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]


def _data_files(plugin: Plugin) -> Iterator[tuple[str, Path]]:
    """The files in a notifier's folder that are not Python, such as templates."""
    folder = plugin.folder()
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        left_out = any(part in NO_DATA or part.startswith(".") for part in inside.parts)
        if path.is_file() and path.suffix != ".py" and not left_out:
            yield f"{plugin.package.replace('.', '/')}/{inside.as_posix()}", path
