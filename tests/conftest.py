from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.installed import build_wheel
from tests.layers import mark, no_other_process
from tests.leftovers import nothing_left_over

PROJECT = Path(__file__).resolve().parents[1]
SLOWEST = ("end_to_end", "cli", "distributions")  # folders whose files take 10 to 20 s each


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its layer; run the slowest files first, so that parallel workers end at the same time."""
    for item in items:
        mark(item)
    items.sort(key=lambda item: item.path.parent.name not in SLOWEST)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, sched: Any) -> None:
    """Run the rest of a file in which a test ended its worker, but not that test again, as xdist would."""
    for tests in getattr(sched, "workqueue", {}).values():
        if crashitem in tests:
            tests[crashitem] = True  # complete


@pytest.fixture(scope="session", autouse=True)
def leave_nothing_over() -> Iterator[None]:
    """What a session starts, it ends. It is the first fixture, so that all others have ended when it looks."""
    with nothing_left_over():
        yield


@pytest.fixture(autouse=True)
def stay_in_the_layer(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test of the layer unit starts no process."""
    with no_other_process() if request.node.get_closest_marker("unit") else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """A local AWS that all tests of a process share: each test must use new names in it."""
    with LocalCloud.start() as running:
        yield running


@pytest.fixture(scope="module")
def own_cloud() -> Iterator[LocalCloud]:
    """A local AWS for one test file, whose stacks can keep the names with which they ship."""
    with LocalCloud.start() as running:
        running.verify_sender(SENDER)
        yield running


@pytest.fixture(scope="module")
def sink() -> Iterator[SlackSink]:
    with SlackSink.start() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path of this process for packages and distributions of a test; their modules are unloaded after
    it."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def batchbell_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(PROJECT, tmp_path_factory.mktemp("batchbell"))


@pytest.fixture(scope="session")
def local_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of batchbell-local."""
    return build_wheel(PROJECT / "batchbell_local", tmp_path_factory.mktemp("batchbell-local"))


@pytest.fixture(scope="session")
def pager_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a third-party notifier: tests/third_party/acme_pager."""
    return build_wheel(PROJECT / "tests" / "third_party" / "acme_pager", tmp_path_factory.mktemp("pager"))


@pytest.fixture(scope="session")
def event() -> Callable[..., dict[str, Any]]:
    """Reads an event of tests/events by its file's name; keyword arguments replace fields of its `detail`."""

    def read(file: str, **detail: Any) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((PROJECT / "tests" / "events" / f"{file}.json").read_text())
        event["detail"] |= detail
        return event

    return read


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(reached: Callable[[], object], what: str, timeout: float = 10.0) -> None:
        deadline = time.monotonic() + timeout
        while not reached():
            if time.monotonic() > deadline:
                pytest.fail(f"not {what} within {timeout} s")
            time.sleep(0.02)

    return wait
