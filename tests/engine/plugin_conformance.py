"""What the plug-in's component does for a program in any language: tests for the test file of each language.

Such a file has a fixture `program`, an ExampleProgram. It is an example as it ships, run by the CLI with the language's
own host or SDK.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from batchbell_local.deployment import this_machine
from tests.engine.engine_stack import FUNCTION_TIMEOUT, PATIENCE, EngineStack
from tests.waiting import wait_until

# A secret in plain that its author should not have written, and one that is not what its notifier takes.
PLAIN_SECRET = "https://hooks.slack.example/services/T0/B0/plain"
WRONG_SECRET = "https://hooks.slack.example/services/T0/B0/marked"
MARKED = "!MARKED"  # stands for the second
MISTAKES = {
    "environment": {"name": "colors", "maxVcpus": 0, "platform": "FARGAT"},
    "jobQueueArns": ["arn:aws:batch:eu-west-1:123456789012:job-queue/nightly"],
    "notifiers": [
        {"type": "slak", "name": "team"},
        {"type": "email", "name": "a b", "sender": "batch@example.com", "recipients": []},
        {"type": "slack", "name": "plain", "webhook": {"config": PLAIN_SECRET}},
        {"type": "slack", "name": "marked", "webhook": {"value": MARKED}, "digestAfter": 2.5},
    ],
}
REPORTED = """\
  notifiers[0].type: got 'slak', which is not a notifier; did you mean slack?
  notifiers[1].name: got 'a b'; takes 1 to 39 letters, digits, - and _, for example ops
  notifiers[1].recipients: got an empty list; takes a list of 1 to 50 e-mail addresses
  notifiers[2].webhook.config: a secret is never written in plain
  notifiers[3].digestAfter: got 2.5; takes a whole number from 1 to 100, or 0 for never
  notifiers[3].webhook: the webhook does not look like https://hooks.slack.com/services/T…/B…/…
  environment.platform: got 'FARGAT'; takes one of EC2, SPOT, FARGATE, FARGATE_SPOT
  environment.maxVcpus: got 0; takes a whole number from 1 to 100000
  jobQueueArns[0]: got 'arn:aws:batch:eu-west-1:123456789012:job-queue/nightly', which is not in this stack's region"""


class ExampleProgram(Protocol):
    """A program in examples/.

    folder: its folder there
    creates: the name of its component and of its Batch environment
    """

    folder: str
    creates: str

    def prepare(self, copy: Path, hosts: Path) -> dict[str, str]:
        """Make a copy ready to run, and put a language host of its own into a folder of PATH. Returns variables."""

    def change(self, copy: Path, properties: Mapping[str, Any]) -> None:
        """Give the component other properties. MARKED stands for WRONG_SECRET, marked as a secret."""


def make_stack_of(
    program: ExampleProgram, project: Path, work: Path, stack_of: Callable[..., EngineStack]
) -> EngineStack:
    """Make a stack of the program, with the settings that a function on this machine needs."""
    copy, hosts = work / "examples" / program.folder, work / "hosts"
    not_shipped = shutil.ignore_patterns("node_modules", "sdks", ".batchbell")
    shutil.copytree(project / "examples" / program.folder, copy, ignore=not_shipped)
    (work / "plugin").symlink_to(project / "plugin")
    hosts.mkdir()
    variables = program.prepare(copy, hosts)
    machine = this_machine()
    function = {
        "pythonVersion": machine["function_python_version"],
        "architecture": machine["function_architecture"],
        "timeout": FUNCTION_TIMEOUT,
    }
    program.change(copy, {"function": function})
    stack = stack_of(copy, "dev", host=None, **variables)
    stack.environment["PATH"] = f"{hosts}{os.pathsep}{stack.environment['PATH']}"
    return stack


class PluginConformance:
    """The tests."""

    def test_a_finished_array_job_of_the_programs_environment_sends_one_message(self, stack, name):
        stack.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=stack.outputs["jobQueueName"],
            jobDefinition=stack.outputs["jobDefinitionName"],
            arrayProperties={"size": 3},
        )
        wait_until(lambda: stack.slack(name), "in Slack", PATIENCE)

        assert stack.slack(name) == [f"✅ {name} succeeded: all 3 children"]

    def test_the_program_gets_the_components_outputs(self, stack):
        topics = [topic["TopicArn"] for topic in stack.cloud.client("sns").list_topics()["Topics"]]

        assert stack.outputs["topicArn"] in topics
        assert stack.cloud.client("lambda").get_function(FunctionName=stack.outputs["functionName"])

    def test_no_secret_is_in_the_state_or_in_what_the_cli_prints(self, program, stack, first, backend):
        states = "".join(file.read_text("utf-8") for file in backend.rglob("*.json"))

        assert f"{program.creates}-team-webhook" in states
        assert stack.secrets["slackWebhook"] not in states + first.printed

    def test_all_mistakes_are_reported_at_once_in_its_own_names_and_without_a_secret(self, program, stack):
        program.change(stack.folder, MISTAKES)
        done = stack.start("preview").finish()
        (error,) = [text for severity, text in done.diagnostics if severity == "error"]

        assert "9 mistakes in the settings; nothing was changed:" in error
        assert [line for line in REPORTED.splitlines() if line not in error] == []
        assert "Traceback" not in done.printed
        assert PLAIN_SECRET not in done.printed and WRONG_SECRET not in done.printed
