"""The wheel: what a plug-in author and another Pulumi program install and import, away from this checkout."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.installed import Environment

EVERY_MODULE = """
import importlib, json, pkgutil, sys
import batchbell
names = [one.name for one in pkgutil.walk_packages(batchbell.__path__, "batchbell.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
files = [getattr(sys.modules[name], "__file__", None) for name in names if name in sys.modules]
print(json.dumps({"names": names, "files": files}))
"""


@pytest.fixture(scope="module")
def environment(batchbell_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment.make(tmp_path_factory.mktemp("environment"), batchbell_wheel)


def test_every_module_of_the_wheel_can_be_imported_away_from_the_checkout(
    environment: Environment, tmp_path: Path
) -> None:
    found = json.loads(environment.run(EVERY_MODULE, cwd=tmp_path))

    wanted = {"contract", "provisioning", "components.settings.model", "notifiers.slack.notifier", "dispatcher.handler"}
    assert {f"batchbell.{name}" for name in wanted} <= set(found["names"])
    assert all(file is None or file.startswith(str(environment.site)) for file in found["files"])


def test_another_program_imports_the_component_from_inside_of_batchbell(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("THEIRS = True")
    program = "import components; from batchbell.components import ArrayJobNotifier, ArrayJobNotifierArgs; "
    program += "print(components.THEIRS, ArrayJobNotifier.__module__)"

    told = environment.run(program, cwd=tmp_path)
    assert told == "True batchbell.components.array_job_notifier\n"


def test_the_wheel_installs_batchbell_alone_and_nothing_that_is_for_its_own_tests(batchbell_wheel: Path) -> None:
    names = zipfile.ZipFile(batchbell_wheel).namelist()

    assert {name.split("/")[0].partition("-")[0] for name in names} == {"batchbell"}
    assert [name for name in names if {"tests", "__pycache__", "examples", "bench"} & {*name.split("/")}] == []


def test_the_notifiers_of_the_wheel_are_those_of_the_checkout(environment: Environment, tmp_path: Path) -> None:
    program = "from batchbell.plugins import find_plugins; print(*sorted(p.package for p in find_plugins().values()))"

    told = environment.run(program, cwd=tmp_path)
    assert told.split() == [f"batchbell.notifiers.{name}" for name in ("email", "slack", "sns")]
