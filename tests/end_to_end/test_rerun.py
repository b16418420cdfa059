"""A rerun on a user's stack: by the command in the message, and with its outcome in the same thread."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.testing import CliRunner

from batchbell.cli import app
from batchbell.cli.jobs import outcome


@pytest.fixture
def operator(print_color, monkeypatch):
    """Runs a command line that a message has."""
    for variable, value in print_color.cloud.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(outcome, "SHORTEST", 0.05)
    return lambda line, *more: CliRunner().invoke(app, [*shlex.split(line)[3:], *more])


def mails(stack, name):
    return [mail for mail in stack.cloud.mailbox() if name in mail["Subject"]]


def test_the_outcome_of_a_rerun_follows_in_the_thread_of_the_first_job(print_color, operator, name, tmp_path):
    cause = tmp_path / "cause"
    cause.touch()
    script = f'case $AWS_BATCH_JOB_ARRAY_INDEX in 1|3) [ ! -e "{cause}" ];; esac'
    print_color.submit(name, 5, ["sh", "-c", script])
    print_color.wait_until_received(name)
    (first,) = mails(print_color, name)
    assert first["Subject"] == f"{name} failed: 2 of 5 children"
    line = re.search(r"python -m batchbell rerun .*", first["BodyText"])
    assert line is not None
    cause.unlink()
    done = operator(line[0].strip(), "--yes", "--wait")
    assert done.exit_code == 0, done.output
    assert f"{name}: 2 of 2 now succeeded." in done.stdout
    title = f"rerun of {name}: 2 of 2 now succeeded"
    print_color.wait_until_received(title)

    (second,) = mails(print_color, title)
    assert second["Subject"] == title
    assert second["References"] == first["References"] != ""
    assert print_color.slack(title)
