"""All commands: help with examples, documented exit codes, errors without a traceback."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
from typer.testing import CliRunner

from batchbell.cli import SUMMARIES, app

COMMANDS = sorted(str(one.name) for one in app.registered_commands)
# Commands for a deployed stack, which must be named.
DEPLOYED = [["status"], ["redrive"], ["send-test"], ["replay", "tests/events/parent-succeeded.json"]]


@pytest.fixture
def run(monkeypatch, project):
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "160")
    for variable in ("PULUMI_STACK", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_has_examples_and_exit_codes(run, name):
    shown = run(name, "--help")

    assert shown.exit_code == 0
    assert shown.stdout.count(f"python -m batchbell {name}") >= 3  # the usage, and two examples at the least
    codes = shown.stdout.partition("Exit codes")[2]
    assert {"0", "1", "2"} <= set(re.findall(r"(?:^|[\s·])(\d+):", codes))
    assert "--json" in shown.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_arguments_exit_with_2_and_without_a_traceback(run, name):
    for wrong in (["--no-such-option"], ["one", "too", "many"]):
        result = run(name, *wrong)

        assert (result.exit_code, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr
        assert "--help" in result.stderr  # what to do next


@pytest.mark.parametrize("command", DEPLOYED, ids=lambda command: command[0])
def test_a_missing_stack_is_reported_on_one_line(run, command):
    result = run(*command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--function" in result.stderr and "--stack" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", DEPLOYED, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--profile", "nobody"], {}, "nobody"),
        ([], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "127.0.0.1:9"),
    ],
)
def test_an_unreachable_aws_is_reported_on_one_line(run, monkeypatch, command, arguments, environment, says):
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        **environment,
    }.items():
        monkeypatch.setenv(variable, value)
    result = run(*command, "--function", "some-function", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_without_a_command_all_commands_are_listed(run):
    assert all(name in run().output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_the_first_paragraph_of_a_commands_help(name):
    module = importlib.import_module(f"batchbell.cli.{name.replace('-', '_')}")

    assert SUMMARIES[name] == inspect.cleandoc(module.command.__doc__).partition("\n\n")[0].replace("\n", " ")
