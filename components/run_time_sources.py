"""Which of our own files run in the Lambda: the modules that the handler and the chosen notifiers import, and what else
lies in a notifier's folder. Nothing is imported to find out; the sources are read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import batchbell
from batchbell.plugins import Plugin, notifiers_package

from .bundle_error import BundleError

HANDLER = "batchbell.dispatcher.handler"
# Neither these nor a notifier's modules of these names are in the package.
NOT_RUN_TIME = ("batchbell.provisioning", "batchbell.plugins", "batchbell.previewing", "batchbell.chat_drawing")
NOT_RUN_TIME_HALVES = ("infrastructure", "preview")
NO_DATA = ("README.md", "tests", "__pycache__")  # files and folders of a notifier that stay out


def run_time_sources(plugins: Sequence[Plugin]) -> dict[str, Path]:
    """The files by their names in the package ("notifiers/slack/notifier.py").

    A notifier from an installed distribution counts only for what it imports of batchbell: its own files come with its
    distribution. Raises BundleError for a module that is missing, or that imports what runs at deploy time only.
    """
    packages = {"batchbell": Path(batchbell.__file__).parent, **dict([notifiers_package()])}
    packages |= {plugin.package: plugin.folder() for plugin in plugins}
    modules = _closure([HANDLER, *(plugin.notifier_module for plugin in plugins)], packages)

    installed = tuple(f"{plugin.package}." for plugin in plugins if plugin.distribution)
    files = {
        module.replace(".", "/") + ("/__init__.py" if path.name == "__init__.py" else ".py"): path
        for module, path in modules.items()
        if not f"{module}.".startswith(installed)
    }
    for plugin in plugins:
        if not plugin.distribution:
            files |= dict(_data_files(plugin))
    return dict(sorted(files.items()))


def _closure(roots: Sequence[str], packages: Mapping[str, Path]) -> dict[str, Path]:
    """Every module of `packages` that importing `roots` may import, with its file."""
    found: dict[str, Path] = {}
    waiting = [(root, "") for root in roots]
    while waiting:
        module, importer = waiting.pop()
        if module in found:
            continue
        path = _locate(module, packages)
        if path is None:
            if not importer:
                raise BundleError(f"{module} is missing")
            continue
        if module in NOT_RUN_TIME or module.endswith(tuple(f".{half}" for half in NOT_RUN_TIME_HALVES)):
            raise BundleError(f"{importer} runs in the Lambda but imports {module}, which exists at deploy time only")
        found[module] = path
        parent = module.rpartition(".")[0]
        waiting += [(parent, module)] if parent else []
        waiting += [(name, module) for name in _imported_names(module, path)]
    return found


def _locate(module: str, packages: Mapping[str, Path]) -> Path | None:
    """The module's file, or None for a module of other packages and for a name that is no module."""
    for package in sorted(packages, key=len, reverse=True):
        if f"{module}.".startswith(f"{package}."):
            base = packages[package].joinpath(*module[len(package) :].strip(".").split("."))
            candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
            return next((path for path in candidates if path.is_file()), None)
    return None


def _imported_names(module: str, path: Path) -> Iterator[str]:
    """The absolute names in the module's import statements, those inside functions too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                start = package.split(".")
                origin = ".".join(filter(None, [*start[: len(start) - node.level + 1], origin]))
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _data_files(plugin: Plugin) -> Iterator[tuple[str, Path]]:
    """What a notifier's folder holds besides Python, such as a template."""
    folder = plugin.folder()
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        left_out = any(part in NO_DATA or part.startswith(".") for part in inside.parts)
        if path.is_file() and path.suffix != ".py" and not left_out:
            yield f"{plugin.package.replace('.', '/')}/{inside.as_posix()}", path
