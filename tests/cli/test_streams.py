"""Every command in every locale, with a full disk and with a closed pipe, in a process as a shell starts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from batchbell.cli import app

pytestmark = pytest.mark.installed

COMMANDS = sorted(str(one.name) for one in app.registered_commands)
STACK = """\
config:
  aws:region: us-east-1
  # für alle
  batchbell:job_queue_arns: [arn:aws:batch:us-east-1:123456789012:job-queue/nightly]
  batchbell:notifiers:
    - {type: email, name: team, sender: "Bjørn [prod] 🔔 <batch@example.com>", recipients: [team@example.com]}
    - {type: sns, name: chat}
"""
CODE = """
import gc, importlib, json, os, sys
import typer.rich_utils
from batchbell.cli import SUMMARIES, app
from batchbell.cli.stack_settings import components
from batchbell.plugins import find_plugins

for plugin in find_plugins().values():
    plugin.infrastructure()
# Once for all commands, which takes seconds.
for module in ("settings.stack_config", "settings.arns", "event_patterns"):
    components(module)
for name in SUMMARIES:
    importlib.import_module("batchbell.cli." + name.replace("-", "_"))
gc.collect()
gc.freeze()  # else each child copies the memory of all that was imported, when it collects garbage
commands, stdout = json.loads(sys.stdin.buffer.read()), os.open(sys.argv[1], os.O_WRONLY) if sys.argv[1:] else None
if stdout is None:
    reading, stdout = os.pipe()
    os.close(reading)
for number, arguments in enumerate(commands):
    child = os.fork()
    if not child:
        if sys.argv[1:] == ["/dev/null"]:
            stdout = os.open(f"{number}.out", os.O_WRONLY | os.O_CREAT)
        os.dup2(stdout, 1)
        os.dup2(os.open(f"{number}.err", os.O_WRONLY | os.O_CREAT), 2)
        app(arguments, prog_name="batchbell")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(f"{number}.code", "w", encoding="ascii") as file:
        file.write(str(code))
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    arguments: Sequence[str]
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def lines(self) -> list[bytes]:
        """The lines of standard error."""
        return self.stderr.strip().splitlines()


@pytest.fixture
def program(tmp_path: Path, project: Path) -> Path:
    """A program with a stack `dev`, and the event of a failed job with a byte order mark."""
    shutil.copy(project / "Pulumi.yaml", tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK, "utf-8")
    event = json.loads((project / "tests" / "events" / "parent-failed.json").read_text("utf-8"))
    event["detail"]["statusReason"] = "Zu früh 🔔"
    (tmp_path / "event.json").write_text(json.dumps(event, ensure_ascii=False), "utf-8-sig")
    return tmp_path


def run(folder: Path, commands: Sequence[Sequence[str]], *stdout: str, **environment: str) -> list[Ended]:
    """Run commands, with standard output into a file each, into `stdout`, or into a closed pipe."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(
        [sys.executable, "-c", CODE, *stdout],
        input=json.dumps(commands).encode(),
        cwd=folder,
        env=variables | environment,
        check=True,
        capture_output=True,
        timeout=120,
    )

    def read(name: str) -> bytes:
        return (folder / name).read_bytes() if (folder / name).exists() else b""

    return [
        Ended(arguments, int(read(f"{number}.code")), read(f"{number}.out"), read(f"{number}.err"))
        for number, arguments in enumerate(commands)
    ]


def printing(stack: str = "dev") -> list[list[str]]:
    """Return a call of every command that needs no AWS, and of every command's help."""
    named = ["--stack", stack]
    results = [
        ["explain", "event.json", *named],
        ["explain", "event.json", *named, "--json"],
        ["preview", *named],
        ["preview", *named, "--event", "event.json", "--json"],
        ["new-notifier", "pager", "pager"],
        ["new-notifier", "pager", "other", "--json"],
    ]
    return [*results, ["--help"], *([name, "--help"] for name in COMMANDS)]


def failing() -> list[list[str]]:
    """Return calls that end with a line on standard error."""
    deployed = [["status"], ["redrive"], ["send-test"], ["replay", "event.json"]]
    return [*deployed, ["explain", "missing.json", "--stack", "dev"], ["preview", "--stack", "müll"]]


@pytest.fixture(scope="session")
def latin_1(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The variables of a locale whose encoding is ISO-8859-1."""
    folder = tmp_path_factory.mktemp("locale")
    name = "en_US.ISO-8859-1"
    command = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(folder / name)]
    if shutil.which(command[0]) is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("localedef cannot make a locale with ISO-8859-1 here")
    return {"LC_ALL": name, "LOCPATH": str(folder)}


LOCALES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ASCII": ("ascii", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "ISO-8859-1": ("latin-1", {"PYTHONUTF8": "0"}),
    "cp1252 output": ("cp1252", {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "cp1252"}),
}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_command_works_in_every_locale(locale: str, program: Path, request: pytest.FixtureRequest) -> None:
    encoding, variables = LOCALES[locale]
    if locale == "ISO-8859-1":
        variables = {**variables, **request.getfixturevalue("latin_1")}
    results = printing()
    ended = run(program, [*results, *failing()], "/dev/null", **variables)

    for one in ended:
        assert one.code == (0 if one.arguments in results else 2), one
        assert b"Traceback" not in one.stderr, one
        assert one.stdout.decode(encoding) or one.lines, one
        if "--json" in one.arguments:
            assert one.stdout.isascii()
            assert json.loads(one.stdout)
    assert "Zu früh 🔔" in json.dumps(json.loads(ended[1].stdout), ensure_ascii=False)
    assert "batchbell · dev" in (program / "preview.html").read_text("utf-8")
    assert (program / "pager" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("stdout", ["/dev/full", "closed pipe"])
def test_a_result_that_cannot_be_written_is_one_line_and_exit_code_2(stdout: str, program: Path) -> None:
    if stdout == "/dev/full" and not Path(stdout).exists():
        pytest.skip("this system has no /dev/full")
    said = b"No space left on device" if stdout == "/dev/full" else b"Broken pipe"
    for one in run(program, printing(), *([stdout] if stdout.startswith("/") else [])):
        assert one.code == 2, one
        assert one.lines == [b"The output cannot be written: " + said], one


@pytest.mark.parametrize(
    ("closed", "arguments", "says"),
    [
        (">&-", ["--help"], "The output cannot be written: Bad file descriptor"),
        (">&- 2>&-", ["--help"], ""),
        ("<&-", ["explain", "-", "--stack", "dev"], "standard input is closed: it must hold one EventBridge event"),
    ],
)
def test_a_closed_descriptor_is_one_line_and_exit_code_2(closed: str, arguments: list[str], says: str) -> None:
    """Python has None for a stream whose descriptor was closed before it started, and prints into it without error."""
    command = ["sh", "-c", f'exec "$0" -m batchbell "$@" {closed}', sys.executable, *arguments]
    ended = subprocess.run(command, capture_output=True, cwd=Path(__file__).parents[2], check=False, timeout=60)

    assert ended.returncode == 2
    assert ended.stderr.decode().splitlines() == ([says] if says else [])
    assert not ended.stdout


def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_2(program: Path) -> None:
    (ended,) = run(program, [["preview", "--stack", "dev", "--out", "/dev/full"]], "/dev/null")

    assert ended.code == 2
    assert ended.lines == [b"/dev/full cannot be written: No space left on device"]


ENCODINGS = {
    "utf-16": "utf-16.json is in UTF-16: save it as UTF-8",
    "utf-16-le": "utf-16-le.json is in UTF-16: save it as UTF-8",
    "utf-32": "utf-32.json is in UTF-32: save it as UTF-8",
    "latin-1": "latin-1.json is not in UTF-8 (byte ",
}


def test_an_event_file_in_another_encoding_is_named_with_it(program: Path) -> None:
    text = (program / "event.json").read_text("utf-8-sig").replace("🔔", "")
    for encoding in ENCODINGS:
        (program / f"{encoding}.json").write_text(text, encoding)
    ended = run(program, [["explain", f"{one}.json", "--stack", "dev"] for one in ENCODINGS], "/dev/null")

    for one, says in zip(ended, ENCODINGS.values(), strict=True):
        assert one.code == 2, one
        assert len(one.lines) == 1 and one.lines[0].decode().startswith(says), one
