"""The example of a third-party notifier, built as a wheel, installed into a new environment, and used by a stack."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from batchbell.conformance import Response, WebhookEndpoint
from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import this_machine
from tests.end_to_end.stack import deploy
from tests.installed import Environment, build_wheel


class TeamsEndpoint(WebhookEndpoint):
    success = Response(202, "")


@pytest.fixture(scope="module")
def environment(batchbell_wheel: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    wheel = build_wheel(project / "examples" / "teams-notifier", tmp_path_factory.mktemp("teams"))
    return Environment.make(tmp_path_factory.mktemp("environment"), batchbell_wheel, wheel)


def test_its_own_tests_pass_with_both_wheels_installed(environment: Environment, project: Path, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project / "examples" / "teams-notifier" / "tests", tmp_path / "tests", ignore=ignored)
    program = "import sys, pytest, batchbell, batchbell_teams; print(batchbell.__file__, batchbell_teams.__file__); "
    program += "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'tests']))"
    # Without the plug-ins of this project's environment.
    printed = environment.run(program, cwd=tmp_path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    origins, *_, summary = printed.splitlines()

    assert all(Path(origin).is_relative_to(environment.site) for origin in origins.split())
    assert " passed" in summary
    assert "skipped" not in summary


def test_a_stack_that_uses_it_sends_to_teams(
    shared_cloud: LocalCloud,
    environment: Environment,
    project: Path,
    wait_until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", str(environment.python))
    teams = {"type": "teams", "name": "ops", "statuses": ["FAILED"], "webhook": {"config": "teamsWebhook"}}
    with TeamsEndpoint() as endpoint:
        stack = deploy(
            shared_cloud.environment(),
            project,
            "teams",
            config={"environment_name": "teams", "notifiers": [teams], **this_machine()},
            secrets={"teamsWebhook": endpoint.url},
        )
        right, wrong = f"right-{uuid.uuid4().hex[:8]}", f"wrong-{uuid.uuid4().hex[:8]}"
        for name, status in ((right, 0), (wrong, 3)):
            shared_cloud.client("batch").submit_job(
                jobName=name,
                jobQueue=stack.outputs["job_queue_name"],
                jobDefinition=stack.outputs["job_definition_name"],
                arrayProperties={"size": 2},
                containerOverrides={"command": ["sh", "-c", f"exit {status}"]},
            )
        wait_until(lambda: endpoint.accepted, "delivered", timeout=30)
        (request,) = endpoint.accepted

    card = json.loads(request.body)["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["inlines"][0]["text"] == f"❌ {wrong} failed: all 2 children"
    assert "exit code 3" in json.dumps(card)
    assert [button["title"] for button in card["actions"]]
