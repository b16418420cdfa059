"""The wheels, installed away from this checkout: what operators, plug-in authors and other Pulumi programs get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from batchbell.cli import app
from tests.installed import Environment, run, write

WIDE = {"COLUMNS": "160"}
COMMANDS = [str(command.name) for command in app.registered_commands]
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
# Runs a script once with the help of each command, in one process: importing takes longer than printing.
HELPS = """
import contextlib, io, json, runpy, sys
script, *names = sys.argv[1:]
printed = {}
for name in names:
    sys.argv = [script, *([name] if name else []), "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        runpy.run_path(script, run_name="__main__")
    printed[name] = shown.getvalue()
print(json.dumps(printed))
"""


@pytest.fixture(scope="module")
def environment(batchbell_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("environment"))
    environment.install(batchbell_wheel)
    return environment


def test_every_module_of_the_wheel_can_be_imported_away_from_the_checkout(
    environment: Environment, tmp_path: Path
) -> None:
    found = json.loads(environment.run(EVERY_MODULE, cwd=tmp_path))

    names = {"contract", "provisioning", "components.settings.model", "notifiers.slack.notifier", "dispatcher.handler"}
    assert {f"batchbell.{name}" for name in names} <= set(found["names"])
    assert all(file is None or file.startswith(str(environment.site)) for file in found["files"])


def test_another_program_imports_the_component_from_batchbell(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("THEIRS = True")
    program = "import components; from batchbell.components import ArrayJobNotifier, ArrayJobNotifierArgs; "
    program += "print(components.THEIRS, ArrayJobNotifier.__module__)"

    printed = environment.run(program, cwd=tmp_path)
    assert printed == "True batchbell.components.array_job_notifier\n"


def test_the_wheel_holds_batchbell_alone_without_its_tests_local_aws_demo_and_tools(batchbell_wheel: Path) -> None:
    names = zipfile.ZipFile(batchbell_wheel).namelist()
    left_out = {"tests", "__pycache__", "examples", "bench", "batchbell_local", "local", "ministack", "demo", "tools"}

    assert {name.split("/")[0].partition("-")[0] for name in names} == {"batchbell"}
    assert [name for name in names if left_out & {*name.split("/")}] == []


def test_the_notifiers_of_the_wheel_are_those_of_the_checkout(environment: Environment, tmp_path: Path) -> None:
    program = "from batchbell.plugins import find_plugins; print(*sorted(p.package for p in find_plugins().values()))"

    printed = environment.run(program, cwd=tmp_path)
    assert printed.split() == [f"batchbell.notifiers.{name}" for name in ("apprise", "email", "slack", "sns")]


def test_both_wheels_are_typed(batchbell_wheel: Path, local_wheel: Path) -> None:
    assert "batchbell/py.typed" in zipfile.ZipFile(batchbell_wheel).namelist()
    assert "batchbell_local/py.typed" in zipfile.ZipFile(local_wheel).namelist()


def run_command(environment: Environment, folder: Path, *command: str) -> str:
    """Run a program of the environment, and return what it printed."""
    return run(str(environment.folder / "bin" / command[0]), *command[1:], cwd=folder, env=os.environ | WIDE)


@pytest.fixture(scope="module")
def helps(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the console script prints with --help alone (""), and with it after each command."""
    folder, script = tmp_path_factory.mktemp("helps"), environment.folder / "bin" / "batchbell"
    printed = run_command(environment, folder, "python", "-c", HELPS, str(script), "", *COMMANDS)
    shown: dict[str, str] = json.loads(printed)
    return shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_shows_the_program_as_it_was_typed(helps: dict[str, str], name: str) -> None:
    lines = [line.strip() for line in helps[name].splitlines()]

    assert any(line.startswith(f"Usage: batchbell {name} ") for line in lines)
    assert len([line for line in lines if f"batchbell {name} " in line]) >= 3  # the usage, and two examples
    assert not any("python -m" in line for line in lines)


def test_the_help_of_the_module_shows_the_module(environment: Environment, tmp_path: Path) -> None:
    shown = run_command(environment, tmp_path, "python", "-m", "batchbell", "status", "--help")

    assert shown.count("batchbell status ") == shown.count("python -m batchbell status ") >= 3


def test_the_console_script_lists_the_commands_of_operators_and_plug_in_authors(helps: dict[str, str]) -> None:
    listed = helps[""].partition("Commands")[2].splitlines()

    names = {line.split()[1] for line in listed if line.startswith("│ ") and line[2] != " "}
    expected = {"explain", "preview", "send-test", "replay", "rerun", "status", "redrive", "new-notifier"}
    assert names == {*COMMANDS} == expected


def test_the_console_script_reads_a_stack_and_makes_a_notifier(
    environment: Environment, tmp_path: Path, project: Path
) -> None:
    for file in (project / "Pulumi.yaml", project / "examples" / "stacks" / "Pulumi.production.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    run_command(environment, tmp_path, "batchbell", "preview", "--stack", "production")
    run_command(environment, tmp_path, "batchbell", "new-notifier", "pager", "pager")

    assert "production" in (tmp_path / "preview.html").read_text()
    assert (tmp_path / "pager" / "batchbell_pager" / "notifier.py").exists()


NOTIFIER = """
from collections.abc import Mapping
from typing import Any

from batchbell.contract import Message, Notifier, PermanentError, Secret, Secrets


class Pager:
    def __init__(self, key: Secret) -> None:
        self._key = key

    def send(self, message: Message) -> None:
        if not self._key.reveal():
            raise PermanentError(message.title)


def create(settings: Mapping[str, Any], secrets: Secrets) -> Notifier:
    return Pager(secrets["key"])
"""
INFRASTRUCTURE = """
import pulumi

from batchbell.provisioning import Context, Grants, NotifierSettings, SecretReference


class Settings(NotifierSettings):
    key: SecretReference


def provision(name: str, settings: Settings, *, opts: pulumi.ResourceOptions, context: Context) -> Grants:
    return Grants(secrets={"key": settings.key})
"""
# What is wrong, and what mypy says about it.
WRONG_TYPES = [
    ("notifier.py", "self._key.reveal()", "self._key.reveal().decode()", '"str" has no attribute "decode"'),
    ("notifier.py", "message.title", "message.text", '"Message" has no attribute "text"'),
    ("notifier.py", "def send(self, message: Message)", "def send(self, text: str)", "Incompatible return value type"),
    ("infrastructure.py", "settings.key}", "1}", "has incompatible type"),
    ("infrastructure.py", "-> Grants:", "-> int:", "Incompatible return value type"),
]


@pytest.fixture(scope="module")
def type_errors(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy --strict says about each plug-in, checked against the installed wheel: by the plug-in's package.

    All in one run, since each reads Pulumi's types first.
    """
    folder = tmp_path_factory.mktemp("plug-ins")
    right = {"notifier.py": NOTIFIER, "infrastructure.py": INFRASTRUCTURE}
    write(folder / "pager", {"__init__.py": "", **right})
    for number, (file, part, wrong, _) in enumerate(WRONG_TYPES):
        assert part in right[file]
        write(folder / f"wrong{number}", {"__init__.py": "", file: right[file].replace(part, wrong)})
    packages = sorted(path.name for path in folder.iterdir())
    options = ["--strict", "--python-executable", str(environment.python), "--cache-dir", os.devnull]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *packages], cwd=folder, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1, checked.stdout + checked.stderr
    lines = checked.stdout.splitlines()
    assert all(line.startswith((*packages, "Found ")) for line in lines), checked.stdout
    return {name: "\n".join(line for line in lines if line.startswith(f"{name}/")) for name in packages}


def test_a_plug_in_is_type_checked_against_the_installed_wheel(type_errors: dict[str, str]) -> None:
    assert type_errors["pager"] == ""


@pytest.mark.parametrize("number", range(len(WRONG_TYPES)), ids=[wrong for _, _, wrong, _ in WRONG_TYPES])
def test_a_wrong_type_in_a_plug_in_is_found(type_errors: dict[str, str], number: int) -> None:
    file, _, _, says = WRONG_TYPES[number]
    assert f"wrong{number}/{file}" in type_errors[f"wrong{number}"]
    assert says in type_errors[f"wrong{number}"]
