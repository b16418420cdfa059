"""A stack's files, as `batchbell.stack_files` reads them and as the real CLI does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from batchbell import stack_files

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

# One a line, as written behind `key: `. All in one file.
SCALARS = r"""
1
1.0
1.50
1e3
-2E+05
0x1F
-0x1F
0X1F
0b11
0o17
-0o17
0777
017
08
1_000
1__0
1_
_1
-0
+5
.5
+.5
5.
1e
+
190:20:30
1,000
12345678901234567890
9007199254740993
1e400
1e-5
1e-7
1e1_0
5e-324
18446744073709551616
-9223372036854775809
0xFFFFFFFFFFFFFFFFF
0x_
0777777777777777777777777
~
null
NULL
true
TRUE
tRuE
yes
on
off
n
2026-11-23
2026-11-23T10:00:00Z
2026-11-23T10:00:00.50+02:00
2026-13-45
2026-1-3 1:2:3
2026-01-01T00:00:00.123456789Z
2026-01-01T24:00:00Z
0000-02-29
0001-01-01
12:30:45
""
" x"
"1"
'true'
"\u00e9\x41"
'it''s'
a # c
a#c
Bjørn 🔔
<<
!!str 1
!!int "3"
!!float 1
!!bool "true"
!!binary aGk=
!!set {a, b}
!!omap [a: 1]
!!pairs [a: 1]
!!timestamp {a: 1}
!!int [a]
!!null ""
!!timestamp 2026-01-01
!custom x
!custom {a: 1}
&a x
[1, 2.0, 1e2, 0x10, yes, ~, 2026-01-01, .5, 0o7, 007, "1"]
{on: yes, 1: 2}
{true: 3}
{}
[]
{a: {secure: 5}}
""".strip().splitlines()

DOCUMENTS = {
    "empty": "",
    "comment": "# only a comment\n",
    "no config": "config:\n",
    "document end": "---\nconfig:\n  tiny:v: 1\n...\n",
    "two documents": "config:\n  tiny:v: 1\n---\nconfig:\n  tiny:v: 2\n",
    "byte order mark": "\ufeffconfig:\n  tiny:v: é\n",
    "line breaks of Windows": "config:\r\n  tiny:v: 1\r\n",
    "tab after the colon": "config:\n  tiny:v:\t1\n",
    "tab before a key": "config:\n\ttiny:v: 1\n",
    "block texts": "config:\n  tiny:v: >-\n    folded\n    text\n  tiny:w: |\n    lines\n    of text\n",
    "merge": "config:\n  tiny:v: &x {a: 1, b: 0}\n  tiny:w:\n    b: 2\n    <<: *x\n",
    "merge of a merge": "config:\n  tiny:v: &x {a: 1}\n  tiny:w: &y {<<: *x, a: 2, b: 1}\n  tiny:z: {<<: *y, b: 3}\n",
    "merge of several": "config:\n  tiny:v: &x {a: 1}\n  tiny:w: &y {a: 3, c: 4}\n  tiny:z: {<<: [*x, *y], b: 2}\n",
    "merge in a list": "config:\n  tiny:v:\n    - &x {a: 1, b: 2}\n    - <<: *x\n      b: 3\n",
    "merge of keys": "shared: &a\n  tiny:v: 1\nconfig:\n  <<: *a\n  tiny:w: 2\n",
    "merge key in quotes": "config:\n  tiny:v: {'<<': {a: 1}}\n",
    "merge of an alias of a list": "config:\n  tiny:v: &x [{a: 1}]\n  tiny:w: {<<: *x}\n",
    "merge of a list of lists": "config:\n  tiny:v: &x {a: 1}\n  tiny:w: {<<: [[*x]]}\n",
    "merge of a number": "config:\n  tiny:v: {<<: 5}\n",
    "anchor of a list": "config:\n  tiny:v: &x [1, 2]\n  tiny:w: *x\n",
    "anchor of a scalar": "config:\n  tiny:v: {a: &q 1, b: *q}\n",
    "unknown anchor": "config:\n  tiny:v: *nope\n",
    "anchor twice": "config:\n  tiny:v: &a 1\n  tiny:w: *a\n  tiny:x: &a [2]\n  tiny:y: *a\n",
    "anchor in itself": "config:\n  tiny:v: &a [*a]\n",
    "key twice": "config:\n  tiny:v: 1\n  tiny:v: 2\n",
    "key twice in an object": "config:\n  tiny:v: {a: 1, a: 2}\n",
    "key without a namespace": "config:\n  v: 1\n",
    "older spelling of a key": "config:\n  tiny:config:v: x\n",
    "key of three parts": "config:\n  a:b:c: 1\n",
    "number as a key": "config:\n  5: x\n",
    "list as config": "config: [1]\n",
    "text as config": "config: text\n",
    "empty list as config": "config: []\n",
    "empty text as config": "config: ''\n",
    "false as config": "config: false\n",
    "list": "- 1\n",
    "text that is no integer": "config:\n  tiny:v: !!int x\n",
    "number that is no integer": "config:\n  tiny:v: !!int 3.5\n",
    "text that is no number": "config:\n  tiny:v: !!float x\n",
    "text that is no boolean": "config:\n  tiny:v: !!bool yes\n",
    "text that is no time": "config:\n  tiny:v: !!timestamp x\n",
    "text that is not null": "config:\n  tiny:v: !!null x\n",
    "text that is not base64": "config:\n  tiny:v: !!binary '!!'\n",
    "YAML 1.1": "%YAML 1.1\n---\nconfig:\n  tiny:v: yes\n",
    "YAML 1.2": "%YAML 1.2\n---\nconfig:\n  tiny:v: yes\n",
    "infinity": "config:\n  tiny:v: .inf\n",
    "unclosed": "config:\n  tiny:v: [1\n",
    "secrets provider": "secretsprovider: passphrase\nencryptionsalt: v1:a\nconfig:\n  tiny:v: 1\n",
}

TYPES = [
    "size: '5'",
    "size: 0x10",
    "size: 1e3",
    "size: 1.5",
    "size: five",
    "size:",
    "flag: 'true'",
    "flag: yes",
    "flag:",
    "names: [x]",
    "names: x",
    "names:",
    "plain: 1.5",
    "plain: [a]",
    "plain:",
]

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def environment(executables: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The CLI's environment, without a cloud: it only reads files."""
    return {
        "PATH": str(executables),
        "HOME": str(tmp_path_factory.mktemp("user")),
        "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('backend')}?metadata=skip",
        "PULUMI_HOME": str(tmp_path_factory.mktemp("home")),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "GOGC": "off",  # a command is over before a collection of garbage pays
    }


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    """A program with a stack `dev`."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "Pulumi.yaml").write_text(PROJECT, "utf-8")
    assert cli(folder, "stack", "init", "dev").returncode == 0
    return folder


@pytest.fixture(scope="module")
def cli(environment: dict[str, str]) -> Cli:
    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)

    return run


def read_by_cli(cli: Cli, program: Path, stack: str) -> Mapping[str, Any] | str:
    done = cli(program, "config", "--json", "--show-secrets", "--stack", stack)
    if done.returncode:
        return REFUSED
    return {key: as_value(entry["value"]) for key, entry in json.loads(done.stdout).items()}


def read_by_us(program: Path, stack: str) -> Mapping[str, Any] | str:
    try:
        values = stack_files.load(program, stack, {}, {}).values
    except stack_files.InvalidConfig:
        return REFUSED
    return {key: as_value(value) for key, value in values.items()}


def as_value(text: str) -> Any:
    """Parse objects and lists, whose spaces differ."""
    return json.loads(text) if text[:1] in ("{", "[") else text


def test_every_scalar_arrives_as_from_the_cli(cli: Cli, program: Path) -> None:
    keys = {f"tiny:v{number}": written for number, written in enumerate(SCALARS)}
    lines = [f"  {key}: {written}\n" for key, written in keys.items()]
    (program / "Pulumi.dev.yaml").write_text(f"config:\n{''.join(lines)}", "utf-8")

    theirs, ours = read_by_cli(cli, program, "dev"), read_by_us(program, "dev")

    assert isinstance(theirs, Mapping) and isinstance(ours, Mapping)
    assert {keys.get(key, key): value for key, value in ours.items()} == {
        keys.get(key, key): value for key, value in theirs.items()
    }


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_file_is_read_or_refused_as_by_the_cli(cli: Cli, program: Path, document: str) -> None:
    (program / "Pulumi.dev.yaml").write_bytes(document.encode())

    assert read_by_us(program, "dev") == read_by_cli(cli, program, "dev")


@pytest.mark.parametrize("line", TYPES)
def test_a_value_has_the_type_that_the_cli_asks_for(cli: Cli, program: Path, line: str) -> None:
    (program / "Pulumi.dev.yaml").write_text(f"config:\n  tiny:{line}\n", "utf-8")
    done = cli(program, "preview", "--stack", "dev")  # ends later, since no language plug-in is installed

    assert (read_by_us(program, "dev") == REFUSED) == ("validating stack config" in done.stderr)


@pytest.mark.parametrize(
    "stack", ["dev", "organization/dev", "organization/tiny/dev", "organization//dev", "organization/other/dev"]
)
def test_a_stack_is_found_by_the_names_that_the_cli_takes(cli: Cli, program: Path, stack: str) -> None:
    (program / "Pulumi.dev.yaml").write_text("config:\n  tiny:plain: file\n", "utf-8")

    assert read_by_us(program, stack) == read_by_cli(cli, program, stack)


@pytest.mark.parametrize(
    ("project_file", "more", "stack_file"),
    [
        ("Pulumi.yml", "", "Pulumi.dev.yml"),
        ("Pulumi.yaml", "stackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml"),
        ("Pulumi.yaml", "config: stacks\n", "stacks/Pulumi.dev.yaml"),
    ],
)
def test_the_files_are_looked_for_where_the_cli_does(
    cli: Cli, program: Path, tmp_path: Path, project_file: str, more: str, stack_file: str
) -> None:
    (tmp_path / project_file).write_text(f"name: tiny\nruntime: python\n{more}", "utf-8")
    (tmp_path / stack_file).parent.mkdir(exist_ok=True)
    (tmp_path / stack_file).write_text("config:\n  tiny:v: file\n", "utf-8")

    assert read_by_us(tmp_path, "dev") == read_by_cli(cli, tmp_path, "dev") == {"tiny:v": "file"}
