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
import atexit, gc, importlib, json, os, sys, threading, traceback
import pydantic.type_adapter, rich._emoji_codes, rich.status, typer.rich_utils
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

def run(arguments):
    # End as Python does, but for the freeing of all memory: it takes longer than a command.
    code = 0
    try:
        app(arguments, prog_name="batchbell")
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 120
    os._exit(code)

for number, (folder, stdout, arguments) in enumerate(json.loads(sys.stdin.buffer.read())):
    child = os.fork()
    if not child:
        errors = os.open(f"{number}.err", os.O_WRONLY | os.O_CREAT)
        if stdout == "closed pipe":
            reading, writing = os.pipe()
            os.close(reading)
        else:
            writing = os.open(stdout or f"{number}.out", os.O_WRONLY | os.O_CREAT)
        os.dup2(writing, 1)
        os.dup2(errors, 2)
        os.chdir(folder)
        run(arguments)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(f"{number}.code", "w", encoding="ascii") as file:
        file.write(str(code))
"""


@dataclass(frozen=True)
class Call:
    """A command, the folder in which it runs, and its standard output: a file of its own, if it is not given."""

    folder: Path
    arguments: Sequence[str]
    stdout: str = ""


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


def write_program(folder: Path, project: Path) -> Path:
    """Write a program with a stack `dev`, and the event of a failed job with a byte order mark."""
    folder.mkdir(exist_ok=True)
    shutil.copy(project / "Pulumi.yaml", folder)
    (folder / "Pulumi.dev.yaml").write_text(STACK, "utf-8")
    event = json.loads((project / "tests" / "events" / "parent-failed.json").read_text("utf-8"))
    event["detail"]["statusReason"] = "Zu früh 🔔"
    (folder / "event.json").write_text(json.dumps(event, ensure_ascii=False), "utf-8-sig")
    return folder


def run(folder: Path, calls: Sequence[Call], **environment: str) -> list[Ended]:
    """Run commands, all forked from one process. `folder`: of their outputs."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps([(str(one.folder), one.stdout, one.arguments) for one in calls]).encode(),
        cwd=folder,
        env=variables | environment,
        check=True,
        capture_output=True,
        timeout=120,
    )

    def read(name: str) -> bytes:
        return (folder / name).read_bytes() if (folder / name).exists() else b""

    return [
        Ended(one.arguments, int(read(f"{number}.code")), read(f"{number}.out"), read(f"{number}.err"))
        for number, one in enumerate(calls)
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
def test_every_command_works_in_every_locale(
    locale: str, project: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    encoding, variables = LOCALES[locale]
    if locale == "ISO-8859-1":
        variables = {**variables, **request.getfixturevalue("latin_1")}
    results, program = printing(), write_program(tmp_path / "program", project)
    ended = run(tmp_path, [Call(program, arguments) for arguments in (*results, *failing())], **variables)

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


ENCODINGS = {
    "utf-16": "utf-16.json is in UTF-16: save it as UTF-8",
    "utf-16-le": "utf-16-le.json is in UTF-16: save it as UTF-8",
    "utf-32": "utf-32.json is in UTF-32: save it as UTF-8",
    "latin-1": "latin-1.json is not in UTF-8 (byte ",
}
FULL, CLOSED = "/dev/full", "closed pipe"
WRITTEN = ["preview", "--stack", "dev", "--out", FULL]


@pytest.fixture(scope="module")
def ended(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[Ended]]:
    """How commands ended whose output or input is bad, by what is bad; of one process, which imports for a second."""
    folder = tmp_path_factory.mktemp("ended")
    calls = {
        said: [Call(write_program(folder / said.replace("/", ""), project), one, said) for one in printing()]
        for said in (FULL, CLOSED)
    }
    program = write_program(folder / "program", project)
    text = (program / "event.json").read_text("utf-8-sig").replace("🔔", "")
    for encoding in ENCODINGS:
        (program / f"{encoding}.json").write_text(text, encoding)
    calls["file"] = [Call(program, WRITTEN)]
    calls["encoding"] = [Call(program, ["explain", f"{one}.json", "--stack", "dev"]) for one in ENCODINGS]
    if not Path(FULL).exists():
        del calls[FULL], calls["file"]
    results = iter(run(folder, [one for each in calls.values() for one in each]))
    return {name: [next(results) for _ in each] for name, each in calls.items()}


@pytest.mark.parametrize("stdout", [FULL, CLOSED])
def test_a_result_that_cannot_be_written_is_one_line_and_exit_code_2(
    stdout: str, ended: Mapping[str, Sequence[Ended]]
) -> None:
    if stdout not in ended:
        pytest.skip("this system has no /dev/full")
    said = b"No space left on device" if stdout == FULL else b"Broken pipe"
    for one in ended[stdout]:
        assert one.code == 2, one
        assert one.lines == [b"The output cannot be written: " + said], one


def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_2(ended: Mapping[str, Sequence[Ended]]) -> None:
    if "file" not in ended:
        pytest.skip("this system has no /dev/full")
    (one,) = ended["file"]

    assert one.code == 2
    assert one.lines == [b"/dev/full cannot be written: No space left on device"]


def test_an_event_file_in_another_encoding_is_named_with_it(ended: Mapping[str, Sequence[Ended]]) -> None:
    for one, says in zip(ended["encoding"], ENCODINGS.values(), strict=True):
        assert one.code == 2, one
        assert len(one.lines) == 1 and one.lines[0].decode().startswith(says), one


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
