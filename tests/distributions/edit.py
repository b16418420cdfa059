"""Edits a Python file as a reader of the docs would: `python edit.py FILE < BLOCK`.

Each function of the block replaces the one of that name (a method, if it takes self), and each import the one from the
same module. It is an error if there is none.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from pathlib import Path

Part = ast.FunctionDef | ast.ImportFrom


def edit(text: str, block: str) -> str:
    for part in ast.parse(block).body:
        assert isinstance(part, Part), f"neither a function nor an import: {ast.unparse(part)}"
        (old,) = [one for one in ast.walk(ast.parse(text)) if isinstance(one, Part) and _name(one) == _name(part)]
        lines = text.splitlines()
        new = textwrap.indent("\n".join(block.splitlines()[part.lineno - 1 : part.end_lineno]), " " * old.col_offset)
        text = "\n".join([*lines[: old.lineno - 1], *new.splitlines(), *lines[old.end_lineno :]]) + "\n"
    return text


def _name(part: Part) -> tuple[str | None, bool | None]:
    if isinstance(part, ast.ImportFrom):
        return part.module, None
    return part.name, [argument.arg for argument in part.args.args][:1] == ["self"]


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(edit(file.read_text(), sys.stdin.read()))
