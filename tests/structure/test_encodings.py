"""Every text file and pipe of the program has an encoding: without one, the locale decides what is in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FOLDERS = ("batchbell", "batchbell_local", "bench", "components", "demo", "examples", "notifiers", "tools")
FILES = [PROJECT / "__main__.py", *(file for folder in FOLDERS for file in sorted((PROJECT / folder).rglob("*.py")))]

# How many positional arguments a call has if the last of them is the encoding.
WITH_ENCODING = {"read_text": 1, "write_text": 2}
OPENING = {"open", "fdopen", "NamedTemporaryFile", "TemporaryFile", "TextIOWrapper"}
BINARY_UNLESS_TEXT = {"NamedTemporaryFile", "TemporaryFile"}
MODULES_OF_BYTES = {"os", "tarfile"}  # whose `open` is not a text's; `os.fdopen` is
RUNNING = {"run", "Popen", "check_output", "check_call"}


def in_the_locales_encoding(code: str) -> Iterator[str]:
    """Yield the calls that read or write text in the locale's encoding, each as its line and name."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        modes = [one.value for one in (*node.args, named.get("mode")) if isinstance(one, ast.Constant)]
        mode = next((one for one in reversed(modes) if isinstance(one, str) and one and {*one} <= {*"rwaxbt+"}), "")
        is_text = {
            **dict.fromkeys(WITH_ENCODING, len(node.args) < WITH_ENCODING.get(name, 0)),
            **dict.fromkeys(OPENING, "b" not in mode and (bool(mode) or name not in BINARY_UNLESS_TEXT)),
            **dict.fromkeys(RUNNING, not {"text", "universal_newlines"}.isdisjoint(named)),
        }.get(name, False)
        if is_text and "encoding" not in named and not (name == "open" and _opens_no_text(node, named)):
            yield f"{node.lineno}: {name}"


def _opens_no_text(call: ast.Call, named: Mapping[str | None, ast.expr]) -> bool:
    """Whether it is the `open` of a module of bytes, or of a URL, which has a time limit."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    is_of_bytes = isinstance(owner, ast.Name) and owner.id in MODULES_OF_BYTES
    return is_of_bytes or (owner is not None and "timeout" in named)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_no_text_is_read_or_written_without_an_encoding(file: Path) -> None:
    assert list(in_the_locales_encoding(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "open('x')",
        "open('x', 'w')",
        "file.open()",
        "file.open('a')",
        "file.read_text()",
        "file.write_text(text)",
        "os.fdopen(1, 'w')",
        "tempfile.NamedTemporaryFile('w')",
        "io.TextIOWrapper(stream)",
        "subprocess.run(command, text=True)",
        "subprocess.Popen(command, universal_newlines=True)",
    ],
)
def test_each_way_to_leave_the_encoding_to_the_locale_is_found(code: str) -> None:
    assert list(in_the_locales_encoding(code))


@pytest.mark.parametrize(
    "code",
    [
        "open('x', 'rb')",
        "open('x', encoding='utf-8')",
        "file.open('wb')",
        "file.read_text('utf-8')",
        "file.write_text(text, 'utf-8')",
        "file.write_text(text, encoding='ascii')",
        "tempfile.TemporaryFile()",
        "subprocess.run(command, encoding='utf-8', text=True)",
        "subprocess.run(command, capture_output=True)",
        "opener.open(url, timeout=30)",
        "os.open('x', os.O_WRONLY)",
        "tarfile.open('x')",
    ],
)
def test_bytes_and_a_given_encoding_pass(code: str) -> None:
    assert not list(in_the_locales_encoding(code))
