"""`new-notifier`: creates a distribution with a working notifier, for its author to edit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer

import batchbell
from batchbell.plugins import find_plugins
from batchbell.terminal import Screen, print_json

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
NAME_LIMIT = 32  # characters

# The templates, and the files that they become.
FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "__init__.py": "$package/__init__.py",
    "notifier.py": "$package/notifier.py",
    "infrastructure.py": "$package/infrastructure.py",
    "conformance.py": "tests/test_conformance.py",
}

EPILOG = """
[bold]Examples[/bold]

batchbell new-notifier pager ../batchbell-pager

batchbell new-notifier pager-duty ~/src/batchbell-pager-duty

batchbell new-notifier pager ../batchbell-pager --json | jq -r '.files[]'

[bold]Exit codes[/bold]   0: created · 1: the folder cannot be written · 2: the name is invalid or taken, the \
folder is not empty, or wrong arguments

docs/writing-a-notifier.md continues from here to a received message.
"""


@dataclass(frozen=True)
class NotifierNames:
    """The names of a notifier's parts, derived from its type."""

    name: str  # the type in a stack, such as "pager-duty"

    @property
    def words(self) -> list[str]:
        return re.split("[-_]", self.name)

    def to_dict(self) -> dict[str, str]:
        title = "".join(word.capitalize() for word in self.words)
        return {
            "name": self.name,
            "distribution": "-".join(["batchbell", *self.words]),
            "package": "_".join(["batchbell", *self.words]),
            "class_name": f"{title}Notifier",
            "config_key": f"{title[0].lower()}{title[1:]}Webhook",
        }


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The notifier's type in a stack, such as pager.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Create a notifier of your own: a distribution in DIR that posts JSON to a webhook, with tests that pass.

    batchbell itself does not change: it finds the notifier once it is installed.
    """
    names = NotifierNames(name)
    _check_name(names)
    files = dict(_files(names))
    try:
        _check_folder(folder)
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    except OSError as error:
        reason = f"{error.filename or folder} cannot be written: {error.strerror}"
        Screen(stderr=True).print(reason, soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        print_json({"type": names.name, "folder": str(folder.resolve()), "files": list(files)})
    else:
        _show(names, folder, files)


def _check_name(names: NotifierNames) -> None:
    def refuse(problem: str) -> None:
        raise typer.BadParameter(f"{problem}, for example pager or pager-duty", param_hint="NAME")

    if not NAME.fullmatch(names.name) or len(names.name) > NAME_LIMIT:
        refuse(
            f"takes at most {NAME_LIMIT} lower-case letters and digits, a letter first, with single - or _ in between, "
            f"not {names.name!r}"
        )
    for plugin in find_plugins().values():
        if NotifierNames(plugin.type).words == names.words:
            refuse(f"there is already a notifier {plugin.type} ({plugin.origin}); takes another name")


def _check_folder(folder: Path) -> None:
    def refuse(problem: str) -> None:
        raise typer.BadParameter(f"{folder} {problem}", param_hint="DIR")

    own = Path(batchbell.__file__).resolve().parents[1]  # the checkout, or where batchbell is installed
    if folder.resolve().is_relative_to(own):
        refuse("is inside batchbell's own folder; takes one outside it, since the notifier is a separate distribution")
    if folder.exists() and not folder.is_dir():
        refuse("is a file; takes a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        refuse("is not empty; takes a new or empty folder")


def _files(names: NotifierNames) -> Iterator[tuple[str, str]]:
    """Yield each file's path in the new folder, and its text."""
    templates = resources.files("batchbell.cli") / "notifier_template"
    values = names.to_dict()
    for template, path in FILES.items():
        text = (templates / f"{template}.template").read_text("utf-8")
        yield Template(path).substitute(values), Template(text).substitute(values)


def _show(names: NotifierNames, folder: Path, files: dict[str, str]) -> None:
    package = names.to_dict()["package"]
    lines = [
        f"Created a notifier of the type {names.name} in {folder}:",
        *(f"    {path}" for path in files),
        "",
        "Next:",
        f"    cd {folder}",
        "    pip install '.[test]' && python -m pytest        # the tests pass",
        f"    edit {package}/notifier.py: WEBHOOK and `render`",
        "",
        "Then a stack can use it; docs/writing-a-notifier.md continues to a received message.",
    ]
    screen = Screen()
    for text in lines:
        screen.print(text, soft_wrap=True)
