"""Commands that read a stack's file: what they take as the Pulumi CLI does, and what they say of secrets in it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from batchbell.cli import app

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
HEAD = f"config:\n  aws:region: us-east-1\n  batchbell:job_queue_arns: [{QUEUE}]\n"
MAIL = "{type: email, name: team, sender: batch@example.com, recipients: [team@example.com]}"

# One entry is the other's with a few settings of its own (pulumi/pulumi#6480).
ANCHORS = f"""{HEAD}  batchbell:notifiers:
    - &mail
      type: email
      name: team
      sender: batch@example.com
      recipients: [team@example.com]
    - <<: *mail
      name: on-call
      statuses: [FAILED]
"""


@pytest.fixture
def program(tmp_path, project, monkeypatch):
    """A folder with the project's Pulumi.yaml, as the current one."""
    (tmp_path / "Pulumi.yaml").write_text((project / "Pulumi.yaml").read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    return tmp_path


@pytest.fixture
def explain(program, project):
    def run(*arguments, stack_file, stack="dev"):
        (program / "Pulumi.dev.yaml").write_text(stack_file, "utf-8")
        event = str(project / "tests" / "events" / "parent-failed.json")
        named = ("--stack", stack) if stack else ()
        return CliRunner().invoke(app, ["explain", event, *named, *arguments])

    return run


def test_an_entry_that_merges_another_one_is_read(explain):
    result = explain("--json", stack_file=ANCHORS)

    assert result.exit_code == 0, result.output
    assert list(json.loads(result.stdout)["renderings"]) == ["team", "on-call"]


@pytest.mark.parametrize("stack", ["dev", "acme/dev", "acme/batchbell/dev"])
def test_a_stack_may_be_named_with_its_organization_and_project(explain, program, monkeypatch, stack):
    stack_file = f"{HEAD}  batchbell:notifiers: [{MAIL}]\n"
    assert explain(stack_file=stack_file, stack=stack).exit_code == 0

    monkeypatch.setenv("PULUMI_STACK", stack)
    assert explain(stack_file=stack_file, stack="").exit_code == 0
    shown = CliRunner().invoke(app, ["preview", "--json"])
    assert (shown.exit_code, json.loads(shown.stdout)["stack"]) == (0, "dev")
    assert "dev-bell-dispatcher" in (program / "preview.html").read_text("utf-8")


@pytest.mark.parametrize(
    "stack_file",
    [
        f"{HEAD}  batchbell:notifiers:\n    - {{type: slack, name: ops, webhook: {{secure: AAABwww}}}}\n",
        f"{HEAD}  batchbell:notifiers:\n    secure: AAABwww\n",
    ],
    ids=["a webhook", "the whole list"],
)
def test_a_secret_that_was_set_inside_the_list_of_notifiers_is_reported_as_at_the_deploy(explain, stack_file):
    result = explain(stack_file=stack_file)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "1 mistake in the settings" in result.stderr
    assert "batchbell:notifiers: is encrypted, but is not a secret" in result.stderr
    assert "`pulumi config set --secret NAME`" in result.stderr
    assert "AAABwww" not in result.stderr


def test_a_setting_that_is_encrypted_is_reported_and_not_as_missing(explain):
    stack_file = f"config:\n  batchbell:job_queue_arns: {{secure: AAABwww}}\n  batchbell:notifiers: [{MAIL}]\n"
    result = explain(stack_file=stack_file)

    assert result.exit_code == 1
    assert "1 mistake in the settings" in result.stderr
    assert "batchbell:job_queue_arns: is encrypted, but is not a secret" in result.stderr


def test_a_sender_that_a_parser_would_read_as_something_else_is_refused(explain):
    entry = MAIL.replace("batch@example.com", '"=?utf-8?q?Batch?= <batch@example.com>"')
    result = explain(stack_file=f"{HEAD}  batchbell:notifiers: [{entry}]\n")

    assert result.exit_code == 1
    assert "notifiers[0].sender" in result.stderr and "as people read it" in result.stderr


def test_a_secret_in_place_of_a_reference_is_explained_not_called_an_unknown_setting(explain):
    """As `pulumi config set` writes JSON that somebody copied from a stack's file."""
    entry = '[{"type": "slack", "name": "ops", "webhook": {"secure": 5}}]'
    result = explain(stack_file=f"{HEAD}  batchbell:notifiers: '{entry}'\n")

    assert "notifiers[0].webhook: a secret is never written in plain" in result.stderr
