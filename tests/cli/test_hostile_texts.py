"""Every command, with hostile texts wherever texts come from outside: none controls the terminal or forges a line."""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from typing import NamedTuple

import pytest
import typer.rich_utils  # noqa: F401, its import reads FORCE_COLOR, which the tests of this file set
from typer.testing import CliRunner

from batchbell.cli import app
from batchbell.terminal import Screen
from demo import screen
from demo.print_color import ChannelMessages, PlatformRun
from tests.cli.hostile_aws import HOSTILE, JOB, HostileAws

COMMANDS = sorted(str(one.name) for one in app.registered_commands)
ARGUMENT = re.sub("[\x00\ud800/]", "", HOSTILE)  # what a file's name or an argument can hold
# What rich writes for this program: styles, links, and the moves of the cursor around a progress bar.
OWN = re.compile(
    r"\x1b\[(?:0|(?:[1-4]|3[1-7]|38;5;[0-9]{1,3})(?:;(?:[1-4]|3[1-7]))*)m"
    r"|\x1b\]8;id=[0-9]+;https://[a-z0-9.-]*(?:amazon|example)\.com[!-~]*\x1b\\|\x1b\]8;;\x1b\\"
    r"|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r"
)
INVISIBLE = ("Cc", "Cs", "Zl", "Zp")


class Arrived(NamedTuple):
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err


@pytest.fixture
def aws(monkeypatch):
    stopped = threading.Event()
    with HostileAws(stopped) as server:
        server.begin("hostile-aws")
        for variable, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }.items():
            monkeypatch.setenv(variable, value)
        yield server
        stopped.set()
        server.shutdown()


@pytest.fixture
def run(monkeypatch):
    """Run a command on a terminal with colours; return what arrives there, after checking it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    for variable in ("NO_COLOR", "PULUMI_STACK", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments):
        result = CliRunner().invoke(app, list(arguments))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Arrived(check(result.stdout), check(result.stderr))

    return run


def check(arrived):
    rest = OWN.sub("", arrived)
    assert [f"U+{ord(one):04X}" for one in rest if unicodedata.category(one) in INVISIBLE and one != "\n"] == []
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", rest)
    assert not re.search(r"\x1b\[[0-9;]*\b8\b[0-9;]*m", arrived), "a hidden text"
    assert [one for one in rest.splitlines() if one.startswith("FORGED")] == []
    return rest


@pytest.fixture
def hostile_event(event, tmp_path):
    """A file whose event is hostile in each of its texts; its name is hostile, too."""

    def make(name, **detail):
        made = event(name)
        for field, value in made["detail"].items():
            if isinstance(value, str) and field not in ("jobArn", "status"):
                made["detail"][field] = value + HOSTILE
        made["detail"]["container"] = {"reason": HOSTILE, "logStreamName": HOSTILE, "exitCode": 1}
        made["detail"] |= detail
        file = tmp_path / f"{ARGUMENT}.json"
        file.write_text(json.dumps(made))
        return str(file)

    return make


@pytest.fixture
def hostile_stack(tmp_path, monkeypatch):
    """A Pulumi program with mistakes that hold hostile texts."""
    hostile = HOSTILE.replace("\ud800", "")  # YAML has no lone surrogates, and Pulumi no further colons in a key
    text, key = json.dumps(hostile), json.dumps(f"batchbell:{hostile.replace(':', '')}")
    (tmp_path / "Pulumi.yaml").write_text("name: batchbell\nruntime: python\n")
    (tmp_path / "Pulumi.odd.yaml").write_text(
        f"config:\n  aws:region: us-east-1\n  batchbell:statuses: [{text}]\n  {key}: 1\n"
        f"  batchbell:notifiers: [{{type: {text}, name: {text}}}]\n"
    )
    (tmp_path / "Pulumi.broken.yaml").write_text(f"config:\n  {hostile}: [{{")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("name", ["single-failed", "child-failed-ec2", "queue-blocked", "parent-failed"])
def test_a_hostile_event_does_not_control_the_terminal(run, hostile_event, tmp_path, name, json_too):
    file = hostile_event(name)
    explained = run("explain", file, *json_too)
    drawn = run("preview", "--event", file, "--out", str(tmp_path / f"{ARGUMENT}.html"), *json_too)

    assert "hidden" in explained.out
    assert "hidden" in drawn.out
    if json_too:
        assert json.loads(explained.out)["job"]["name"].endswith(HOSTILE.replace("\ud800", "?"))


def test_an_event_that_cannot_be_read_does_not_control_the_terminal(run, hostile_event, tmp_path):
    odd = hostile_event("single-failed", jobArn=HOSTILE)
    for command in ("explain", "replay"):
        for file in (odd, str(tmp_path / ARGUMENT), f"{odd}/{ARGUMENT}"):
            assert run(command, file).err


def test_a_hostile_stack_file_does_not_control_the_terminal(run, hostile_stack, hostile_event):
    file = hostile_event("single-failed")

    assert "statuses" in run("explain", file, "--stack", "odd").err
    assert "statuses" in run("preview", "--stack", "odd").err
    for stack in ("broken", ARGUMENT):
        assert run("explain", file, "--stack", stack).err
        assert run("preview", "--stack", stack).err


def test_a_hostile_folder_does_not_control_the_terminal(run, tmp_path):
    (tmp_path / "file").write_text("")
    for arguments in (
        ("pager", str(tmp_path / ARGUMENT)),
        ("pager", str(tmp_path / ARGUMENT)),  # is not empty any more
        ("pager", str(tmp_path / "file" / ARGUMENT)),
        ("pager", str(tmp_path / f"{ARGUMENT}2"), "--json"),
        (ARGUMENT, str(tmp_path / "new")),
    ):
        assert "hidden" in run("new-notifier", *arguments).text


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["text", "json"])
def test_a_hostile_answer_of_aws_does_not_control_the_terminal(run, aws, event, tmp_path, json_too):
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event("parent-succeeded")))
    for command in (
        ("status",),
        ("redrive",),
        ("redrive", "--dry-run"),
        ("send-test",),
        ("replay", str(file)),
    ):
        arrived = run(*command, "--function", "f", *json_too).out
        assert "hidden" in arrived, command
        assert not json_too or json.loads(arrived)["function"] == HOSTILE


def test_a_hostile_refusal_of_aws_does_not_control_the_terminal(run, aws, event, tmp_path):
    aws.refuses = True
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event("parent-succeeded")))
    for command in (("status",), ("redrive",), ("send-test",), ("replay", str(file))):
        assert "hidden" in run(*command, "--function", ARGUMENT).err, command


def test_hostile_messages_do_not_control_the_terminal_of_the_demo(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    texts = [{"type": "mrkdwn", "text": text} for text in (HOSTILE, f"<https://x.example{HOSTILE}|{HOSTILE}>", "x")]
    button = {"type": "button", "text": {"text": HOSTILE}, "url": f"https://x.example{HOSTILE}"}
    slack = {
        "blocks": [
            {"type": "header", "text": {"text": HOSTILE}},
            {"type": "section", "text": texts[1], "fields": texts},
            {"type": "actions", "elements": [button]},
        ]
    }
    mail = {"Source": HOSTILE, "To": [HOSTILE], "Subject": HOSTILE, "BodyText": HOSTILE}
    attributes = {"status": {"Value": HOSTILE}}
    sns = {"Subject": HOSTILE, "Message": json.dumps({"title": HOSTILE}), "MessageAttributes": attributes}
    fired = dict.fromkeys(("every-job", "tutorial", "parent-only"), 1)
    received = ChannelMessages([slack], [mail], [sns])
    screen.show([PlatformRun("EC2", 7, 8, fired, received, {"total": 1.0})], Screen())

    assert "hidden" in check(capsys.readouterr().out)


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["text", "json"])
def test_a_hostile_job_does_not_control_the_terminal(run, aws, json_too):
    planned = run("rerun", JOB, "--dry-run", *json_too)
    submitted = run("rerun", JOB, "--yes", "--reason", ARGUMENT, *json_too)
    asked = run("rerun", JOB, *json_too)
    aws.refuses = True

    assert "hidden" in planned.out and "hidden" in submitted.out
    assert "hidden" in (asked.err if json_too else asked.out)
    assert "hidden" in run("rerun", JOB, *json_too).err
    assert not any(run("rerun", JOB, option, ARGUMENT).out for option in ("--only", "--name", "--set-memory"))


@pytest.mark.parametrize("command", COMMANDS)
def test_hostile_arguments_do_not_control_the_terminal(run, command):
    for arguments in ((f"--{ARGUMENT}",), (ARGUMENT,) * 4, ("--stack", ARGUMENT)):
        assert run(command, *arguments).err
    assert "hidden" in run(ARGUMENT).err
