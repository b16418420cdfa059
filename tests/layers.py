"""The layers of the tests, by what they need beyond this process. tests/README.md: which question each answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

LAYERS = {
    "unit": "needs no other process",
    "local_aws": "needs a local AWS",
    "end_to_end": "needs a stack, deployed to a local AWS",
    "engine": "needs the real Pulumi engine",
    "installed": "runs what is installed: pip, wheels in new environments, commands",
    "browser": "needs Chromium",
}
BY_FOLDER = {
    "engine": "engine",
    "browser": "browser",
    "distributions": "installed",
    "end_to_end": "end_to_end",
    "demo": "end_to_end",
}
# Of the first layer that has one of a test's fixtures, in this order.
BY_FIXTURE = {
    "engine": {"pulumi"},
    "end_to_end": {"print_color"},
    "installed": {"batchbell_wheel", "local_wheel", "pager_wheel"},
    "local_aws": {"cloud", "own_cloud", "batch_of", "moto"},
}
# Raised by Python when another process begins (docs.python.org, "Audit events table").
STARTS = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}


def layers_of(item: pytest.Item) -> list[str]:
    """Return the layers with which the test is marked."""
    return [marker.name for marker in item.iter_markers() if marker.name in LAYERS]


def mark(item: pytest.Item) -> None:
    """Mark the test with its layer, unless it names one itself."""
    if not layers_of(item):
        item.add_marker(_layer_of(item))


def _layer_of(item: pytest.Item) -> str:
    """Return the layer of the test's folder, or else of its fixtures."""
    folder = _folder(item.path, item.config.rootpath)
    if folder in BY_FOLDER:
        return BY_FOLDER[folder]
    used = set(getattr(item, "fixturenames", ()))
    return next((layer for layer, fixtures in BY_FIXTURE.items() if used & fixtures), "unit")


@cache  # a file has dozens of tests
def _folder(file: Path, root: Path) -> str:
    """Return the folder of `tests` that the file is in; "" if it is in none of them."""
    return next(iter(file.relative_to(root).parts[1:-1]), "")


_started: list[str] | None = None  # None: nobody asks


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _started is not None and event in STARTS:
        _started.append(f"{event}{arguments[:2]}")


sys.addaudithook(_note)


@contextmanager
def no_other_process() -> Iterator[None]:
    """Fail the test if the block starts a process."""
    global _started
    started: list[str] = []
    _started = started
    try:
        yield
    finally:
        _started = None
    if started:
        pytest.fail(f"a test of the layer unit started a process: {started[0]}")
