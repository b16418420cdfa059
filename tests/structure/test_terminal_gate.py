"""What a command prints goes through the gate: no module makes a console of its own, or prints past it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PRINTING = [
    *sorted((PROJECT / "batchbell" / "cli").rglob("*.py")),
    *(PROJECT / "demo" / name for name in ("screen.py", "__main__.py")),
]
FORBIDDEN = {"Console", "print", "echo", "secho"}
ON_A_SCREEN = {"screen", "errors", "Screen"}  # whose `print` is the gate's


def past_the_gate(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.ImportFrom(module="rich.console" | "rich", names=names):
                yield from (name.name for name in names if name.name in FORBIDDEN)
            case ast.Attribute(attr="print", value=ast.Name(id=name)) if name in ON_A_SCREEN:
                pass
            case ast.Attribute(attr="print", value=ast.Call(func=ast.Name(id=name))) if name in ON_A_SCREEN:
                pass
            case ast.Attribute(attr="stdout" | "stderr" as name, value=ast.Name(id="sys")):
                yield name
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in FORBIDDEN:
                yield name


@pytest.mark.parametrize("file", PRINTING, ids=lambda file: str(file.relative_to(PROJECT)))
def test_a_module_prints_only_through_the_gate(file: Path) -> None:
    assert list(past_the_gate(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "print('x')",
        "typer.echo('x')",
        "from rich.console import Console",
        "rich.console.Console().print('x')",
        "from rich import print",
        "sys.stderr.write('x')",
    ],
)
def test_each_way_past_the_gate_is_found(code: str) -> None:
    assert list(past_the_gate(code))
