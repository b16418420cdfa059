"""The plug-in's component in programs of other languages, as examples/ ships them, run by their real language hosts."""

from __future__ import annotations

import os
import shutil

import pytest
import yaml

from batchbell_local.deployment import this_machine
from tests.engine.conftest import FUNCTION_TIMEOUT
from tests.engine.engine_stack import PATIENCE
from tests.engine.language_host import write_executable
from tests.waiting import wait_until

# A secret in plain that its author should not have written, and one that is not what its notifier takes.
PLAIN_SECRET = "https://hooks.slack.example/services/T0/B0/plain"
WRONG_SECRET = "https://hooks.slack.example/services/T0/B0/marked"
MISTAKES = {
    "environment": {"name": "colors", "maxVcpus": 0, "platform": "FARGAT"},
    "jobQueueArns": ["arn:aws:batch:eu-west-1:123456789012:job-queue/nightly"],
    "notifiers": [
        {"type": "slak", "name": "team"},
        {"type": "email", "name": "a b", "sender": "batch@example.com", "recipients": []},
        {"type": "slack", "name": "plain", "webhook": {"config": PLAIN_SECRET}},
        {"type": "slack", "name": "marked", "webhook": {"value": {"fn::secret": WRONG_SECRET}}, "digestAfter": 2.5},
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


def of_this_machine():
    machine = this_machine()
    return {
        "pythonVersion": machine["function_python_version"],
        "architecture": machine["function_architecture"],
        "timeout": FUNCTION_TIMEOUT,
    }


def change_yaml(folder, **properties):
    """Give the component in the program other properties."""
    file = folder / "Pulumi.yaml"
    text = file.read_text("utf-8")
    program = yaml.safe_load(text)
    program["resources"]["colors"]["properties"] |= properties
    file.write_text(yaml.safe_dump(program, sort_keys=False))
    return lambda: file.write_text(text)


@pytest.fixture(scope="module")
def hosts(yaml_host, tmp_path_factory):
    """A folder for PATH with the language hosts: of the program, and of the plug-in."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "pulumi-language-yaml").symlink_to(yaml_host)
    write_executable(folder)
    return folder


@pytest.fixture(scope="module")
def stack(stack_of, engine_environment, hosts, project, tmp_path_factory):
    """The example, deployed."""
    checkout = tmp_path_factory.mktemp("checkout")
    folder = checkout / "examples" / "yaml"
    shutil.copytree(project / "examples" / "yaml", folder)
    (checkout / "plugin").symlink_to(project / "plugin")
    change_yaml(folder, function=of_this_machine())
    path = f"{hosts}{os.pathsep}{engine_environment['PATH']}"
    stack = stack_of(folder, "dev", host=None, PATH=path)
    stack.run("up")
    return stack


def test_a_finished_array_job_of_the_programs_environment_sends_one_message(stack, name):
    stack.cloud.client("batch").submit_job(
        jobName=name,
        jobQueue=stack.outputs["jobQueueName"],
        jobDefinition=stack.outputs["jobDefinitionName"],
        arrayProperties={"size": 3},
    )
    wait_until(lambda: stack.slack(name), "in Slack", PATIENCE)

    assert stack.slack(name) == [f"✅ {name} succeeded: all 3 children"]


@pytest.fixture(scope="module")
def again(stack):
    """The second `up`."""
    return stack.run("up")


def test_the_second_up_changes_nothing(again):
    assert set(again.summary) == {"same"}


def test_the_program_gets_the_components_outputs(stack, own_cloud):
    topics = [topic["TopicArn"] for topic in own_cloud.client("sns").list_topics()["Topics"]]

    assert stack.outputs["topicArn"] in topics
    assert own_cloud.client("lambda").get_function(FunctionName=stack.outputs["functionName"])


def test_no_secret_is_in_the_state_or_in_what_the_cli_prints(stack, again, backend):
    states = "".join(file.read_text("utf-8") for file in backend.rglob("*.json"))

    assert "colors-team-webhook" in states
    assert stack.secrets["slackWebhook"] not in states + again.printed


def test_all_mistakes_are_reported_at_once_in_the_programs_own_names_and_without_a_secret(stack):
    undo = change_yaml(stack.folder, **MISTAKES)
    done = stack.start("preview").finish()
    undo()
    errors = [text for severity, text in done.diagnostics if severity == "error"]

    assert len(errors) == 1
    assert "9 mistakes in the settings; nothing was changed:" in errors[0]
    assert [line for line in REPORTED.splitlines() if line not in errors[0]] == []
    assert "Traceback" not in done.printed
    assert PLAIN_SECRET not in done.printed and WRONG_SECRET not in done.printed
