"""Each built-in notifier has a README, documented settings, and runs the conformance tests."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from batchbell.conformance import NotifierConformance
from batchbell.contract import Notifier
from batchbell.plugins import find_plugins, notifiers_package
from batchbell.provisioning import NotifierSettings

PACKAGE, FOLDER = notifiers_package()
OURS = sorted(path.parent.name for path in FOLDER.glob("*/notifier.py"))
PAGE = FOLDER.parent / "docs" / "configuration.md"
KIT = {name for name in vars(NotifierConformance) if re.match("test_|pytest_|_[a-z]", name)}
NOT_RUN = {"skip", "skipif", "xfail"}


def documentation_gaps(readme: Path, page: Path, name: str, settings: type[NotifierSettings]) -> Iterator[str]:
    """Yield what is not documented about the notifier. `page`: the page with a section of settings per notifier."""
    if not readme.is_file():
        yield f"{readme} is missing"
    section = page.read_text().partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    for field in settings.model_fields:
        if not re.search(rf"^- \*\*`{field}`\*\*: (?!Takes )\S", section, re.MULTILINE):
            yield f"{page} does not explain the setting `{field}` of {name}"


def conformance_gaps(path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield why a test file does not run all conformance tests on the package's notifier."""
    if not path.is_file():
        yield f"{path} is missing: see batchbell.conformance"
        return
    module = load(path)
    suites = [
        each
        for name, each in vars(module).items()
        if name.startswith("Test") and isinstance(each, type) and issubclass(each, NotifierConformance)
    ]
    if not suites:
        yield f"{path} has no class Test… that is a NotifierConformance"
    for suite in suites:
        yield from (f"{path}: {suite.__name__} has a {name} of its own" for name in sorted(KIT & vars(suite).keys()))
        marks = NOT_RUN & {*marks_of(module), *marks_of(suite)}
        yield from (f"{path}: {suite.__name__} is marked {mark}" for mark in sorted(marks))
        if not type(make(suite, monkeypatch)).__module__.startswith(f"{package}."):
            yield f"{path}: {suite.__name__} makes no notifier of {package}"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_complete_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marks_of(thing: object) -> Iterator[str]:
    marks = getattr(thing, "pytestmark", [])
    for each in marks if isinstance(marks, list) else [marks]:
        yield each.name


def make(suite: type[NotifierConformance], monkeypatch: pytest.MonkeyPatch) -> Notifier:
    with suite.endpoint_type() as endpoint, monkeypatch.context() as patch:
        endpoint.prepare(patch)
        return suite().make(endpoint)


@pytest.mark.parametrize("name", OURS)
def test_each_setting_of_a_notifier_is_documented(name: str) -> None:
    settings = find_plugins()[name].infrastructure().Settings
    assert list(documentation_gaps(FOLDER / name / "README.md", PAGE, name, settings)) == []


@pytest.mark.parametrize("name", OURS)
def test_a_notifier_runs_the_conformance_tests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parent / name / "test_conformance.py"
    assert list(conformance_gaps(path, f"{PACKAGE}.{name}", monkeypatch)) == []


def test_all_three_built_in_notifiers_are_checked() -> None:
    assert {"slack", "email", "sns"} <= set(OURS)


class PagerSettings(NotifierSettings):
    routing_key: str
    urgency: str = "low"


EXPLAINED = """# Configuration

### pager

- **`routing_key`**: whom it wakes. Takes a text. Required.
- **`urgency`**: how loudly. Takes a text.

### slack

- **`webhook`**: where it posts. Takes a text.
"""


@pytest.mark.parametrize(
    ("has_readme", "find", "gap"),
    [
        (False, "", "README.md is missing"),
        (True, "whom it wakes. ", "does not explain the setting `routing_key` of pager"),
        (True, "- **`urgency`**", "does not explain the setting `urgency` of pager"),
    ],
)
def test_an_undocumented_notifier_is_detected(tmp_path: Path, has_readme: bool, find: str, gap: str) -> None:
    if has_readme:
        (tmp_path / "README.md").touch()
    page = tmp_path / "configuration.md"
    page.write_text(EXPLAINED.replace(find, ""))
    (found,) = documentation_gaps(tmp_path / "README.md", page, "pager", PagerSettings)
    assert found.endswith(gap)


COMPLETE = """
import pytest
from batchbell.conformance import NotifierConformance
from tests.conformance.pager import Pager, PagerEndpoint

class TestPager(NotifierConformance):
    endpoint_type = PagerEndpoint

    def make(self, endpoint):
        return Pager(endpoint.secret("webhook"))
"""


@pytest.mark.parametrize(
    ("find", "instead", "gap"),
    [
        ("TestPager", "Pagers", "has no class Test… that is a NotifierConformance"),
        ("(NotifierConformance)", "", "has no class Test… that is a NotifierConformance"),
        ("class TestPager", "@pytest.mark.skip\nclass TestPager", "TestPager is marked skip"),
        ("class TestPager", "pytestmark = pytest.mark.skipif('True')\n\nclass TestPager", "TestPager is marked skipif"),
        (
            "    endpoint_type",
            "    test_hostile_text_is_harmless = None\n    endpoint_type",
            "TestPager has a test_hostile_text_is_harmless of its own",
        ),
        ("return Pager(", "return str(", "TestPager makes no notifier of"),
    ],
)
def test_a_file_that_does_not_run_all_conformance_tests_is_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, find: str, instead: str, gap: str
) -> None:
    path = tmp_path / "test_conformance.py"
    assert [each.rpartition("/")[2] for each in conformance_gaps(path, "tests.conformance", monkeypatch)] == [
        "test_conformance.py is missing: see batchbell.conformance"
    ]
    path.write_text(COMPLETE)
    assert list(conformance_gaps(path, "tests.conformance", monkeypatch)) == []
    assert find in COMPLETE
    path.write_text(COMPLETE.replace(find, instead))
    (found,) = conformance_gaps(path, "tests.conformance", monkeypatch)
    assert gap in found
