"""README's "Deploy it", and the tutorial's stack: each command as it stands there, typed in a checkout, in order.

The tests build on each other. Beside local AWS only this is different from a user's terminal: there is nobody to ask
(PULUMI_SKIP_CONFIRMATIONS), so that no preview is shown before (PULUMI_OPTION_SKIP_PREVIEW), the program runs in a
process of ours in place of Pulumi's host for Python (PULUMI_DEBUG_LANGUAGES), states are in a folder of the tests, and
secrets are encrypted with a key of KMS (PULUMI_OPTION_SECRETS_PROVIDER): one from a passphrase, as a stack of
test_nothing_begins.py has, takes each command 0.24 s.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from batchbell_local.deployment import this_machine
from tests.end_to_end.existing_queue import create_existing_queue
from tests.engine.engine_stack import FUNCTION_TIMEOUT, PATIENCE
from tests.engine.running_operation import ProgramHost
from tests.installed import run
from tests.waiting import wait_until

MACHINE = this_machine() | {"function_timeout": str(FUNCTION_TIMEOUT)}
SET_WHAT_THIS_MACHINE_NEEDS = "pulumi config set-all" + "".join(
    f" --plaintext {name}={value}" for name, value in MACHINE.items()
)
ASK_FOR_THE_LANGUAGE_HOST = ("pulumi install", "pulumi preview", "pulumi up")
LOCAL = "pulumi login --local"
LOGIN = re.compile(rf"pulumi login +# or ({LOCAL})\b.*")


@dataclass
class Terminal:
    """A shell in a checkout.

    commands: those of a page that were not typed yet
    secret: what is typed where `config set --secret` asks
    """

    checkout: Path
    environment: dict[str, str]
    host: ProgramHost
    commands: list[str]
    secret: str

    def type(self, command: str) -> str:
        """Run a command, which must succeed. Returns what it prints."""
        with self.program(command) as variable:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=self.checkout,
                env=self.environment | variable,
                input=self.secret if "--secret" in command else "",
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def program(self, command: str) -> Iterator[dict[str, str]]:
        """Let a command that asks for the language host have one, by the variable that this yields."""
        if not command.startswith(ASK_FOR_THE_LANGUAGE_HOST):
            yield {}
            return
        process, address = self.host.start(self.checkout, self.environment, self.checkout.with_name("printed"))
        try:
            yield {"PULUMI_DEBUG_LANGUAGES": f"python:{address.rpartition(':')[2]}"}
        finally:
            os.kill(process, signal.SIGKILL)

    def type_until(self, last: str) -> str:
        """Type the page's commands up to the next one that begins with `last`. Returns what that one prints."""
        while True:
            assert self.commands, f"the page does not say: {last}"
            command = self.commands.pop(0)
            printed = self.type(command)
            if command.startswith(last):
                return printed

    def git_status(self) -> str:
        return run("git", "status", "--porcelain", cwd=self.checkout)


def commands_of(text: str) -> list[str]:
    """Return the commands of a page, one an item; of the two ways to log in, the one without an account."""
    lines = [
        LOGIN.sub(r"\1", line.strip()) for line in text.splitlines() if line.startswith(("    pulumi ", "    cp "))
    ]
    return [command.strip() for line in lines for command in line.partition(" #")[0].split(" && ")]


def resources(printed: str) -> list[str]:
    """Return the last count of resources that an operation printed: ["+ 30 created", "39 unchanged"]."""
    summary = printed.rpartition("Resources:\n")[2].partition("\n\n")[0]
    return [" ".join(line.split()) for line in summary.splitlines()]


@pytest.fixture(scope="module")
def batch(own_cloud):
    """The job queue that the README names, and a job definition."""
    batch = own_cloud.client("batch")
    create_existing_queue(batch, ["true"])
    return batch


@pytest.fixture(scope="module")
def before(batch, everything):
    return everything()


@pytest.fixture(scope="module")
def terminal(
    project, share_packages, engine_environment, program_host, secrets_provider, sink, tmp_path_factory, before
):
    folder = tmp_path_factory.mktemp("deploy-it")
    checkout = folder / "batchbell"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=project)
    for name in listed.split("\0")[:-1]:
        if (project / name).exists():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, checkout / name)
    (checkout / ".venv").symlink_to(sys.prefix)
    share_packages(checkout)
    for command in ("init --quiet", "add --all", "-c user.name=a -c user.email=a@b.c commit --quiet --message=all"):
        run("git", *command.split(), cwd=checkout)
    nobody_to_ask = {"PULUMI_SKIP_CONFIRMATIONS": "true", "PULUMI_OPTION_SKIP_PREVIEW": "true"}
    environment = engine_environment | nobody_to_ask | {"PULUMI_OPTION_SECRETS_PROVIDER": secrets_provider}
    del environment["PULUMI_BACKEND_URL"]
    deploy_it = (project / "README.md").read_text("utf-8").partition("\n## Deploy it\n")[2].partition("\n## ")[0]
    login, *commands = commands_of(deploy_it)
    assert login == LOCAL  # that is file://~, this user's own folder, whatever HOME says (diy/backend.go)
    terminal = Terminal(checkout, environment, program_host, [f"pulumi login file://{folder}", *commands], sink.url)
    terminal.type_until("pulumi config set --path 'notifiers[0].webhook.config'")
    terminal.type(SET_WHAT_THIS_MACHINE_NEEDS)
    return terminal


def test_a_preview_of_the_new_stack_creates_nothing(terminal, sink, everything, before):
    (created,) = resources(terminal.type_until("pulumi preview"))

    settings = (terminal.checkout / "Pulumi.nightly.yaml").read_text()
    assert re.fullmatch(r"\+ [0-9]{2} to create", created)
    assert everything() == before
    assert "encryptedkey: " in settings and sink.url.rpartition("/")[2] not in settings
    assert terminal.git_status() == ""


@pytest.fixture(scope="module")
def first_up(terminal):
    return resources(terminal.type_until("pulumi up"))


@pytest.fixture(scope="module")
def deployed(first_up, everything):
    """What exists after the first `pulumi up`."""
    return everything()


def test_the_first_up_deploys_a_stack_that_sends_a_message(terminal, first_up, batch, sink, name):
    (created,) = first_up
    batch.submit_job(jobName=name, jobQueue="nightly", jobDefinition="render", arrayProperties={"size": 2})
    wait_until(lambda: any(name in one["text"] for one in sink.accepted), "in Slack", PATIENCE)

    assert re.fullmatch(r"\+ [0-9]{2} created", created)
    assert [one["text"].splitlines()[0] for one in sink.accepted] == [f"✅ {name} succeeded: all 2 children"]
    assert re.search(r"function_name +nightly-bell-dispatcher", terminal.type_until("pulumi stack output"))


def test_a_renamed_stack_keeps_every_resource(terminal, deployed, everything):
    terminal.type_until("pulumi stack rename")
    updated, unchanged = resources(terminal.type_until("pulumi up"))

    assert updated.startswith("~ ") and unchanged.endswith(" unchanged")
    assert everything() == deployed


def test_a_refresh_changes_nothing(terminal, deployed, everything):
    (unchanged,) = resources(terminal.type_until("pulumi refresh"))

    assert unchanged.endswith(" unchanged")
    assert everything() == deployed


def test_a_preview_of_the_tutorials_stack_takes_a_copy_and_a_secret(terminal, deployed, everything, project):
    page = (project / "examples" / "stacks" / "README.md").read_text("utf-8")
    tutorial = replace(terminal, commands=commands_of(page))
    tutorial.type_until("pulumi config set --secret slackWebhook")
    tutorial.type(SET_WHAT_THIS_MACHINE_NEEDS)

    assert tutorial.commands[0] == "pulumi up"
    assert resources(tutorial.type("pulumi preview")) == ["+ 39 to create"]
    assert everything() == deployed
    tutorial.type("pulumi stack rm && pulumi stack select late")


def test_nothing_is_left_in_the_account_or_the_checkout(terminal, deployed, everything, before):
    terminal.type_until("pulumi stack rm")
    terminal.type(".venv/bin/python -m batchbell preview --stack production")  # of the README, too

    assert terminal.commands == []
    assert everything() == before
    assert (terminal.checkout / "preview.html").exists()
    assert list(terminal.checkout.glob("Pulumi.*.yaml")) == []
    assert terminal.git_status() == ""
