"""Runs docs/writing-a-notifier.md block by block, as a reader would: from nothing to a received message."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.distributions import edit
from tests.installed import OTHER_PYTHON

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMPLETENESS = "test_each_notifier_is_complete.py"
FILE = re.compile(r"# (in )?(\S+\.(?:py|yaml))\n")


@dataclass(frozen=True)
class Followed:
    """The result of running the docs."""

    folder: Path  # in which they ran
    checkout: Path  # a copy, to which a folder may be added
    printed: list[str]  # by block
    before: str  # the repository's git status
    after: str


def script_of(blocks: list[tuple[str, str]]) -> Iterator[str]:
    """Return the blocks as a shell script, which ends at the first failure."""
    yield "set -euo pipefail"
    for number, (language, text) in enumerate(blocks):
        yield f"echo; echo '### block {number}'"
        if language == "sh":
            yield text
        elif file := FILE.match(text):
            how = f"{sys.executable} {edit.__file__} {file[2]}" if file[1] else f"cat > {file[2]}"
            yield f"mkdir -p $(dirname {file[2]})\n{how} <<'END'\n{text}END"
        if number == 0:  # replaces downloads, and the new environment's pip by the one that is there
            shared = f'echo {sysconfig.get_path("purelib")} > "$site/requirements.pth"'
            yield f"for site in .venv/lib/python*/site-packages; do {shared}; done"
            yield "printf '#!/bin/sh\\nexec python -m pip \"$@\"\\n' > .venv/bin/pip; chmod +x .venv/bin/pip"


def state_of(repository: Path) -> str:
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def blocks(project: Path) -> list[tuple[str, str]]:
    return BLOCK.findall((project / "docs" / "writing-a-notifier.md").read_text())


@pytest.fixture(scope="module")
def checkout(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for package in ("batchbell", "components", "tools"):
        (folder / package).symlink_to(project / package)
    for copied in ("notifiers", "docs", "plugin"):
        shutil.copytree(project / copied, folder / copied, ignore=shutil.ignore_patterns(".venv"))
    shutil.copy(project / "Pulumi.yaml", folder)
    (folder / "tests" / "notifiers").mkdir(parents=True)
    shutil.copy(project / "tests" / "notifiers" / COMPLETENESS, folder / "tests" / "notifiers")
    return folder


@pytest.fixture(scope="module")
def followed(
    blocks: list[tuple[str, str]],
    project: Path,
    checkout: Path,
    batchbell_wheel: Path,
    local_wheel: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Followed:
    folder, home = tmp_path_factory.mktemp("stranger"), tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    python3 = home / "bin" / "python3"
    # Not a virtual environment's. Installing pip into one takes longer than all that is installed with it.
    python3.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@" --without-pip\n')
    python3.chmod(0o755)
    before = state_of(project)
    done = subprocess.run(
        ["bash", "-c", "\n".join(script_of(blocks))],
        cwd=folder,
        env={
            "CHECKOUT": str(checkout),
            "HOME": str(home),
            "PATH": f"{home / 'bin'}:/usr/bin:/bin",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": f"{batchbell_wheel.parent} {local_wheel.parent}",
            "PIP_NO_BUILD_ISOLATION": "0",  # turns isolation off: the variable's value is inverted (pypa/pip#5735)
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "1",
            "PIP_NO_WARN_CONFLICTS": "0",  # off, for all that is installed: the value is inverted, too
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those of this project's environment
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    printed = re.split(r"^### block \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    return Followed(folder, checkout, printed, before, state_of(project))


def test_every_block_is_a_command_a_file_or_an_output(blocks: list[tuple[str, str]]) -> None:
    assert [language for language, _ in blocks].count("json") == 1
    for language, text in blocks:
        assert language in ("sh", "json") or FILE.match(text), text


def test_the_tests_of_a_new_notifier_pass_before_and_after_the_edit(followed: Followed) -> None:
    results = [re.findall(r"=+ (\d+) passed in ", printed) for printed in followed.printed]
    before, after = (int(number) for (number,) in filter(None, results))
    assert before == after > 40
    assert "skipped" not in "".join(followed.printed)


def test_the_message_arrives_as_in_the_docs(followed: Followed, blocks: list[tuple[str, str]]) -> None:
    number = [language for language, _ in blocks].index("json")
    shown = json.loads(blocks[number][1])
    (line,) = followed.printed[number - 1].strip().splitlines()
    arrived = json.loads(line)
    assert arrived.keys() == shown.keys()
    assert {**arrived, "text": "…"} == shown
    assert "exit code 2" in arrived["text"]


def test_this_repository_does_not_change(followed: Followed) -> None:
    assert followed.after == followed.before


def test_the_installed_notifier_was_deployed(followed: Followed) -> None:
    (package,) = (followed.folder / "trial" / ".batchbell" / "bundle").iterdir()
    bundled = package / "batchbell_pager"
    assert {path.name for path in bundled.glob("*.py")} == {"__init__.py", "notifier.py"}
    assert "urgency" in (bundled / "notifier.py").read_text()
    assert not (followed.folder / "batchbell-pager" / ".batchbell").exists()


@pytest.fixture(scope="module")
def as_a_folder(followed: Followed) -> list[str]:
    """What is printed about the folder in the checkout: its origin, its package, files of `make docs`, tests."""
    tests = ("test_each_setting_of_a_notifier_is_documented", "test_a_notifier_runs_the_conformance_tests")
    program = f"""
        import runpy, sys
        import pytest
        from batchbell.plugins import find_plugins
        from components.package.bundle import Runtime, build
        pager = find_plugins()["pager"]
        print(pager.origin)
        print(build([pager], Runtime("{OTHER_PYTHON.python}", "{OTHER_PYTHON.architecture}")))
        runpy.run_module("tools.config_files", run_name="__main__")
        sys.exit(pytest.main(["-q", *{[f"tests/notifiers/{COMPLETENESS}::{test}[pager]" for test in tests]}]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=followed.checkout,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def test_the_same_modules_work_as_a_folder_of_a_checkout(as_a_folder: list[str]) -> None:
    origin, bundle, *_ = as_a_folder
    assert origin == "folder notifiers/pager"
    assert (Path(bundle) / "notifiers" / "pager" / "notifier.py").exists()
    assert (Path(bundle) / "requests").is_dir()


def test_the_folder_passes_the_completeness_tests(as_a_folder: list[str]) -> None:
    assert as_a_folder[-1].startswith("2 passed")
