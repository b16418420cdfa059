"""Finds what a module imports, by reading its source. The module is not run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")  # fields of statements that hold further ones (`ast`)
ELSEWHERE = {"version_info", "platform"}  # of `sys`: an import under such a condition may not be for Lambda


@dataclass(frozen=True)
class Import:
    """One name in an import statement.

    modules: absolute names of the modules that it may load, one of which is enough: `from a import b` loads a or a.b
    line: its line number
    optional: whether the module handles an ImportError, or checks Python's version or platform first
    """

    modules: tuple[str, ...]
    line: int
    optional: bool


def read_imports(module: str, path: Path) -> Iterator[Import]:
    """Find all imports, including those in functions, except those for type checkers only. Raises SyntaxError."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for statement, optional in _statements(tree, False):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield Import((alias.name,), statement.lineno, optional)
        else:
            origin = _absolute(statement, package)
            for alias in statement.names:
                yield Import((origin, f"{origin}.{alias.name}"), statement.lineno, optional)


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    start = package.split(".")
    return ".".join(filter(None, [*start[: len(start) - statement.level + 1], statement.module]))


def _statements(node: ast.AST, optional: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in _inside(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, optional
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in (asked := set(_names(child.test))):
            for otherwise in child.orelse:
                yield from _statements(ast.Module([otherwise], []), optional)
        elif isinstance(child, ast.If):
            yield from _statements(child, optional or bool(asked & ELSEWHERE))
        else:
            yield from _statements(child, optional or (isinstance(child, ast.Try) and _expects_import_error(child)))


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The statements, handlers and cases of a compound statement; expressions, most of a tree, import nothing."""
    for field in BLOCKS:
        yield from getattr(node, field, ())


def _expects_import_error(statement: ast.Try) -> bool:
    return any(handler.type is None or IMPORT_ERRORS & set(_names(handler.type)) for handler in statement.handlers)


def _names(expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
