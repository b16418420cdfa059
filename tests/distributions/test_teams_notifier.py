"""The example of a third-party notifier: as a wheel in a fresh environment, chosen by a stack of this program beside
its own notifiers."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchbell.conformance import Answer, WebhookEndpoint
from batchbell.local.cloud import LocalCloud
from batchbell.local.collecting_queue import CollectingQueue
from batchbell.local.rehearsal import SENDER, this_machine
from batchbell.local.slack_sink import SlackSink
from tests.distributions.environments import Environment

DEPLOY = """
import json, sys
from pathlib import Path
from batchbell.local.deployment import deploy
order = json.load(sys.stdin)
deployed = deploy(order["cloud"], Path.cwd(), "print-color", config=order["config"], secrets=order["secrets"])
print(json.dumps(deployed.outputs))
"""


class TeamsEndpoint(WebhookEndpoint):
    success = Answer(202, "")


@pytest.fixture(scope="module")
def example(project: Path) -> Path:
    return project / "examples" / "teams-notifier"


@pytest.fixture(scope="module")
def installed(
    wheel: Callable[[Path], Path], environment: Callable[..., Environment], example: Path, project: Path
) -> Environment:
    """An environment with batchbell and the notifier."""
    return environment(wheel(project), wheel(example))


def test_its_own_tests_pass_where_both_are_installed(installed: Environment, example: Path, tmp_path: Path) -> None:
    shutil.copytree(example / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    done = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path)
    assert " passed" in done.stdout.splitlines()[-1]
    assert " skipped" not in done.stdout.splitlines()[-1]
    where = "import batchbell, batchbell_teams; print(batchbell.__file__, batchbell_teams.__file__)"
    paths = installed.run("-c", where, cwd=tmp_path).stdout.split()
    assert all(Path(path).is_relative_to(installed.folder) for path in paths)


@dataclass(frozen=True)
class Channels:
    """The five channels of one stack."""

    cloud: LocalCloud
    failures: SlackSink
    nightly: SlackSink
    teams: TeamsEndpoint
    topic: CollectingQueue
    outputs: dict[str, Any]
    wait_until: Callable[..., None]

    def run(self, name: str, command: str) -> None:
        self.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=self.outputs["job_queue_name"],
            jobDefinition=self.outputs["job_definition_name"],
            arrayProperties={"size": 2},
            containerOverrides={"command": ["sh", "-c", command]},
        )
        # The topic takes every message, once the others of the same invocation are sent or given up.
        self.wait_until(lambda: self._count(self.topic.bodies(), name), f"told of {name}", timeout=20)

    def told(self, name: str) -> dict[str, int]:
        """How many messages about a job each channel has."""
        return {
            "failures": self._count(self.failures.accepted, name),
            "nightly": self._count(self.nightly.accepted, name),
            "team": self._count(self.cloud.mailbox(), name),
            "chatops": self._count(self.topic.bodies(), name),
            "ops": self._count([request.body.decode() for request in self.teams.taken], name),
        }

    @staticmethod
    def _count(messages: list[Any], name: str) -> int:
        return sum(name in json.dumps(message) for message in messages)


@pytest.fixture(scope="module")
def channels(
    own_cloud: LocalCloud,
    installed: Environment,
    project: Path,
    wait_until: Callable[..., None],
) -> Iterator[Channels]:
    """A checkout, in whose environment the notifier was installed."""
    with SlackSink.start() as failures, SlackSink.start() as nightly, TeamsEndpoint() as teams:
        notifiers = [
            {"type": "slack", "name": "failures", "statuses": ["FAILED"], "webhook": {"config": "failuresWebhook"}},
            {"type": "slack", "name": "nightly", "jobs": ["nightly-*"], "webhook": {"config": "nightlyWebhook"}},
            {"type": "email", "name": "team", "jobs": ["*-render"], "sender": SENDER, "recipients": ["a@example.com"]},
            {"type": "sns", "name": "chatops"},
            {"type": "teams", "name": "ops", "statuses": ["SUCCEEDED"], "webhook": {"config": "teamsWebhook"}},
        ]
        order = {
            "cloud": dict(own_cloud.environment()),
            "config": {"notifiers": notifiers, **this_machine()},
            "secrets": {"failuresWebhook": failures.url, "nightlyWebhook": nightly.url, "teamsWebhook": teams.url},
        }
        done = installed.run("-c", DEPLOY, cwd=project, text=json.dumps(order))
        outputs = json.loads(done.stdout)
        topic = CollectingQueue.of_topic(own_cloud, "subscriber", outputs["notifiers"]["chatops"]["topic_arn"])
        yield Channels(own_cloud, failures, nightly, teams, topic, outputs, wait_until)


def test_each_of_five_notifiers_gets_just_what_its_filter_takes(channels: Channels) -> None:
    nightly, render = f"nightly-{uuid.uuid4().hex[:8]}", f"{uuid.uuid4().hex[:8]}-render"
    channels.run(nightly, "exit 0")
    channels.run(render, "exit 3")
    expected = {
        nightly: {"failures": 0, "nightly": 1, "team": 0, "chatops": 1, "ops": 1},
        render: {"failures": 1, "nightly": 0, "team": 1, "chatops": 1, "ops": 0},
    }
    channels.wait_until(lambda: {name: channels.told(name) for name in expected} == expected, "told", timeout=10)

    (request,) = channels.teams.taken
    card = json.loads(request.body)["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["inlines"][0]["text"] == f"✅ {nightly} succeeded: all 2 children"
    assert "failures" not in json.dumps(card)
