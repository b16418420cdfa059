"""Stacks' files, and what the real CLI has answered for each: `recorded.json`.

`tests/engine/test_stack_files.py` compares the record with the CLI, `tests/batchbell/test_read_as_by_the_cli.py`
compares `batchbell.stack_files` with the record. `python -m tests.batchbell.stack_file_cases` asks the CLI again, after
a case or the CLI's version has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.batchbell.stack_file_cases.texts import DOCUMENTS, SCALARS, TYPES

PROJECT = """
name: tiny
runtime: python
config:
  size: {type: integer, default: 3, description: how many}
  tiny:names: {type: array, items: {type: string}, default: [a, b]}
  flag: {type: boolean, default: false}
  fixed: {value: 7}
  typed: {type: integer, value: 8}
  plain: {type: string, default: text}
  aws:region: us-east-1
"""
REFUSED = "refused"
TAKEN = "taken"
RECORD = Path(__file__).with_name("recorded.json")


@dataclass(frozen=True)
class Case:
    """A program's files.

    text: of the stack's file
    is_typed: whether the CLI's check of declared types is asked, which only an operation does, and not for the values
    """

    text: str
    project: str = PROJECT
    project_file: str = "Pulumi.yaml"
    stack_file: str = "Pulumi.dev.yaml"
    stack: str = "dev"
    is_typed: bool = False

    def write(self, folder: Path) -> None:
        """Write the files into a folder without any."""
        (folder / self.project_file).write_text(self.project, "utf-8")
        (folder / self.stack_file).parent.mkdir(exist_ok=True)
        (folder / self.stack_file).write_bytes(self.text.encode())

    @property
    def digest(self) -> str:
        return sha256(repr(astuple(self)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Record:
    """What the CLI of a version has answered.

    answers: by the digest of a case
    """

    version: str
    answers: Mapping[str, Any]

    def answer(self, case: Case) -> Any:
        """Return the values by their full keys, REFUSED, or for a typed case TAKEN."""
        return self.answers[case.digest]


def recorded() -> Record:
    return Record(**json.loads(RECORD.read_text("utf-8")))


def as_values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Parse objects and lists, whose spaces differ."""
    return {key: json.loads(text) if text[:1] in ("{", "[") else text for key, text in texts.items()}


def _elsewhere(project_file: str, more: str, stack_file: str) -> Case:
    project = f"name: tiny\nruntime: python\n{more}"
    return Case("config:\n  tiny:v: file\n", project, project_file, stack_file)


SCALAR_KEYS = {f"tiny:v{number}": written for number, written in enumerate(SCALARS)}
EVERY_SCALAR = Case("config:\n" + "".join(f"  {key}: {written}\n" for key, written in SCALAR_KEYS.items()))
CASES = {
    "every scalar": EVERY_SCALAR,
    **{name: Case(text) for name, text in DOCUMENTS.items()},
    **{line: Case(f"config:\n  tiny:{line}\n", is_typed=True) for line in TYPES},
    **{
        f"the stack {stack}": Case("config:\n  tiny:plain: file\n", stack=stack)
        for stack in (
            "dev",
            "organization/dev",
            "organization/tiny/dev",
            "organization//dev",
            "organization/other/dev",
        )
    },
    "a project in Pulumi.yml": _elsewhere("Pulumi.yml", "", "Pulumi.dev.yml"),
    "a folder of stacks": _elsewhere("Pulumi.yaml", "stackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml"),
    "a folder of stacks as config": _elsewhere("Pulumi.yaml", "config: stacks\n", "stacks/Pulumi.dev.yaml"),
}
