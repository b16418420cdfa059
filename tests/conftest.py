from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from collections.abc import Callable, Generator, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from batchbell import aws_clients
from batchbell_local import cloud as local_cloud
from batchbell_local import deployment
from batchbell_local.cloud import LocalCloud
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests import waiting
from tests.end_to_end.shared_stack import print_color as print_color
from tests.end_to_end.shared_stack import shared_cloud as shared_cloud
from tests.end_to_end.shared_stack import shared_stack as shared_stack
from tests.engine.cli.build import ALL, NoPulumi, find, is_built
from tests.file_order import in_order
from tests.installed import build_wheel
from tests.layers import mark, no_other_process
from tests.leftovers import nothing_left_over, remove_abandoned_folders
from tests.warm_python import warm_functions, warm_python, warm_subprocess
from tests.warm_python.aws_models import remember_models

PROJECT = Path(__file__).resolve().parents[1]
SESSION_VARIABLES = (  # what a boto3 session reads once: the rest, such as endpoints, it reads for each client
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one worker, and the judges to one together: what the program registers is recorded once."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler: Any = import_module("xdist.scheduler").LoadFileScheduling(config, log)
    split = scheduler._split_scope

    def split_scope(nodeid: str) -> str:
        file = str(split(nodeid))
        is_judge = file.startswith("tests/judges/") and not file.endswith("test_moto.py")
        return "tests/judges" if is_judge else file

    scheduler._split_scope = split_scope
    return scheduler


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave garbage alone meanwhile: what is collected stays, and looking through it takes a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whether there is a Pulumi CLI: all have to order the tests alike."""
    node.workerinput["has_pulumi"] = is_built()


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with its layer, and order their files.

    Files with the Pulumi CLI come last where it may still be built.
    """
    for item in items:
        mark(item)
    may_be_built = not getattr(config, "workerinput", {}).get("has_pulumi")
    late = {item.path for item in items if may_be_built and item.get_closest_marker("engine")}
    places = {path: place for place, path in enumerate(in_order({item.path for item in items}))}
    items.sort(key=lambda item: (item.path in late, places[item.path]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Before the first test with the Pulumi CLI wait until it is built: no time limit of a test counts yet."""
    if item.get_closest_marker("engine"):
        _wait_for_pulumi(item.config)


@cache
def _wait_for_pulumi(config: pytest.Config) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":  # one of the workers is enough
            with capture.global_and_fixture_disabled():
                print(f"\n{text}", file=sys.stderr, flush=True)

    for executable in ALL:
        with contextlib.suppress(NoPulumi):  # its fixture gives the reason
            find(executable, say)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, sched: Any) -> None:
    """Run the rest of a file in which a test ended its worker, but not that test again, as xdist would."""
    for tests in getattr(sched, "workqueue", {}).values():
        if crashitem in tests:
            tests[crashitem] = True  # complete


def pytest_sessionfinish() -> None:
    """Remove what a killed worker left, once all have ended; after a killed session, the next one does."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        remove_abandoned_folders()


@pytest.fixture(scope="session", autouse=True)
def leave_nothing_over() -> Iterator[None]:
    """What a session starts, it ends. It is the first fixture, so that all others have ended when it looks."""
    with nothing_left_over():
        yield


@pytest.fixture(scope="session", autouse=True)
def start_warm(leave_nothing_over: None) -> Iterator[None]:
    """Clouds, deployments and functions do not import anew what they take from site-packages: half of their time.

    No session of boto3 reads AWS's models anew.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in (local_cloud, deployment):
            patch.setattr(module, "subprocess", warm_subprocess)
        remember_models()
        warm_functions.open()
        yield
        warm_python.stop()
        warm_functions.stop()


@pytest.fixture(autouse=True)
def stay_in_the_layer(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test of the layer unit starts no process."""
    with no_other_process() if request.node.get_closest_marker("unit") else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def one_session_for_each_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session that the Lambda keeps is of the test's own account, whatever ran before in this process."""
    monkeypatch.setattr(aws_clients, "open_session", _open_session)


def _open_session() -> botocore.session.Session:
    return _session_of(*(os.environ.get(name) for name in SESSION_VARIABLES))


@cache  # making one takes 0.1 s
def _session_of(*_environment: str | None) -> botocore.session.Session:
    return botocore.session.Session()


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
    """A folder on the path of this process for packages and distributions of a test.

    Their modules are unloaded after the test.
    """
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
    return waiting.wait_until
