"""What `new-notifier` creates and refuses.

tests/distributions/test_writing_a_notifier.py runs the docs, in which it is tested, built, installed and deployed.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from batchbell.cli import app
from tests.installed import put_distribution

PROJECT = Path(__file__).resolve().parents[2]


def make(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["new-notifier", *map(str, arguments)])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["pager", "pager-duty", "none", "webhook", "a" * 32])
def test_it_creates_a_distribution_with_an_entry_point_of_that_name(tmp_path: Path, name: str) -> None:
    result = make(name, tmp_path / "new")
    assert result.exit_code == 0, result.output

    package = f"batchbell_{name.replace('-', '_')}"
    project = tomllib.loads((tmp_path / "new" / "pyproject.toml").read_text())["project"]
    assert project["name"] == f"batchbell-{name}"
    assert project["entry-points"]["batchbell.notifiers"] == {name: package}
    assert files(tmp_path / "new") == {
        "pyproject.toml",
        "README.md",
        ".gitignore",
        f"{package}/__init__.py",
        f"{package}/notifier.py",
        f"{package}/infrastructure.py",
        "tests/test_conformance.py",
    }
    for path in (tmp_path / "new").rglob("*.py"):
        ast.parse(path.read_text())


@pytest.mark.installed
def test_the_files_are_in_this_projects_style(tmp_path: Path) -> None:
    make("pager-duty", tmp_path / "new")
    for command in ("check", "format --check"):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *command.split(),
            "--no-cache",
            "--config",
            str(PROJECT / "pyproject.toml"),
        ]
        done = subprocess.run([*ruff, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_it_says_what_to_do_next(tmp_path: Path) -> None:
    output = make("pager", tmp_path / "new").output
    assert f"cd {tmp_path / 'new'}" in output
    assert "python -m pytest" in output
    assert "edit batchbell_pager/notifier.py" in output


def test_json_lists_the_created_files(tmp_path: Path) -> None:
    made = json.loads(make("pager", tmp_path / "new", "--json").stdout)
    assert (made["type"], made["folder"]) == ("pager", str(tmp_path / "new"))
    assert set(made["files"]) == files(tmp_path / "new")


def test_an_empty_folder_is_accepted(tmp_path: Path) -> None:
    assert make("pager", tmp_path).exit_code == 0


def flat(result: Result) -> str:
    """The output without the frame around an error."""
    return " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    "name", ["Pager", "pager_", "-pager", "3pager", "pa--ger", "pager/..", "", "é", "a" * 33, "pager\n"]
)
def test_an_invalid_name_is_refused(tmp_path: Path, name: str) -> None:
    result = make("--", name, tmp_path / "new")
    assert result.exit_code == 2
    assert "Invalid value for NAME" in flat(result)
    assert "for example pager or pager-duty" in flat(result)
    assert not (tmp_path / "new").exists()


def test_the_name_of_another_notifier_is_refused(tmp_path: Path) -> None:
    result = make("slack", tmp_path / "new")
    assert result.exit_code == 2
    assert "there is already a notifier slack (folder notifiers/slack)" in flat(result)
    assert not (tmp_path / "new").exists()


def test_a_name_that_differs_from_an_installed_one_by_a_dash_is_refused(tmp_path: Path, site: Path) -> None:
    put_distribution(site, "theirs", {}, entry_points_txt="[batchbell.notifiers]\npager_duty = theirs\n")
    result = make("pager-duty", tmp_path / "new")
    assert result.exit_code == 2
    assert "there is already a notifier pager_duty (distribution theirs 1.0)" in flat(result)


def test_a_folder_that_is_not_empty_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("theirs")
    result = make("pager", tmp_path)
    assert result.exit_code == 2
    assert "is not empty" in flat(result)
    assert files(tmp_path) == {"theirs.txt"}


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    result = make("pager", tmp_path / "file")
    assert result.exit_code == 2
    assert "is a file" in flat(result)


def test_it_writes_nothing_into_batchbells_own_folder() -> None:
    result = make("pager", PROJECT / "notifiers" / "pager")
    assert result.exit_code == 2
    assert "inside batchbell's own folder" in flat(result)
    assert not (PROJECT / "notifiers" / "pager").exists()


def test_a_folder_that_cannot_be_written_is_reported_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    result = make("pager", tmp_path / "file" / "new")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert os.strerror(20) in result.output  # ENOTDIR
