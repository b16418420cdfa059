"""Whom a job concerns: teams share a queue, each has its channel, and the job's owner is mentioned and mailed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment, this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.end_to_end.stack import deploy

PROGRAM = """
    import pulumi
    from components import ArrayJobNotifier, ArrayJobNotifierArgs

    config = pulumi.Config()
    mentions = {"alice": ["U0123456789"], "SUCCEEDED": ["S0123456789"]}
    notifier = ArrayJobNotifier("teams", ArrayJobNotifierArgs(
        environment={"name": "teams", "command": ["sh", "-c", "exit $FAILS"]},
        owner_tag="owner",
        log_lines=0,
        notifiers=[
            {"type": "slack", "name": "genomics", "webhook": config.require_secret("genomics"),
             "tags": {"team": ["genomics", "ml-*"]}, "mentions": mentions},
            {"type": "slack", "name": "render", "webhook": config.require_secret("render"),
             "tags": {"team": ["render"]}, "mentions": mentions},
            {"type": "email", "name": "all", "sender": "batch@example.com", "recipients": ["team@example.com"],
             "owner_domains": ["example.com"]},
        ],
        function={"python_version": config.require("python"), "architecture": config.require("arch")},
    ))
    for name, value in notifier.outputs.items():
        pulumi.export(name, value)
"""
EVIL = "<!channel> <@U0123456789>"


@pytest.fixture(scope="module")
def sinks() -> Iterator[dict[str, SlackSink]]:
    with SlackSink.start() as genomics, SlackSink.start() as render:
        yield {"genomics": genomics, "render": render}


@pytest.fixture(scope="module")
def teams(own_cloud: LocalCloud, sinks: dict[str, SlackSink], make_program: Callable[[str], Path]) -> Deployment:
    own_cloud.verify_sender(SENDER)
    machine = this_machine()
    return deploy(
        own_cloud.environment(),
        make_program(PROGRAM),
        "dev",
        config={"python": machine["function_python_version"], "arch": machine["function_architecture"]},
        secrets={name: sink.url for name, sink in sinks.items()},
    )


@pytest.fixture
def run(
    own_cloud: LocalCloud, teams: Deployment, wait_until: Callable[..., None], name: str
) -> Callable[..., dict[str, Any]]:
    """Run an array with these tags; return the mail about it, once it is there."""

    def run(fails: int, **tags: str) -> dict[str, Any]:
        own_cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=teams.outputs["job_queue_name"],
            jobDefinition=teams.outputs["job_definition_name"],
            arrayProperties={"size": 2},
            containerOverrides={"environment": [{"name": "FAILS", "value": str(fails)}]},
            tags=tags,
        )
        found: list[dict[str, Any]] = []

        def mailed() -> bool:
            found[:] = [mail for mail in own_cloud.mailbox() if name in mail["Subject"]]
            return bool(found)

        wait_until(mailed, "mailed", timeout=20)
        wait_until(lambda: own_cloud.message_count(teams.outputs["intake_queue_url"]) == 0, "at rest", timeout=20)
        return found[0]

    return run


def received(sinks: dict[str, SlackSink], name: str) -> dict[str, list[str]]:
    """Return what each channel has about the job, as JSON."""
    return {
        team: [text for payload in sink.accepted if name in (text := json.dumps(payload))]
        for team, sink in sinks.items()
    }


def test_each_team_has_its_own_jobs_and_their_owner_is_mentioned(
    run: Callable[..., dict[str, Any]], sinks: dict[str, SlackSink], name: str
) -> None:
    mail = run(1, team="ml-vision", owner="alice")
    there = received(sinks, name)

    assert {team: len(texts) for team, texts in there.items()} == {"genomics": 1, "render": 0}
    assert "<@U0123456789>" in there["genomics"][0]
    assert "S0123456789" not in there["genomics"][0]
    assert "alice" in mail["BodyText"]
    assert mail["To"] == ["team@example.com"]  # alice is no address


def test_an_owner_with_an_address_gets_the_mail_and_nobody_else_is_mentioned(
    run: Callable[..., dict[str, Any]], sinks: dict[str, SlackSink], name: str
) -> None:
    mail = run(1, team="render", owner="bob@example.com")
    there = received(sinks, name)

    assert {team: len(texts) for team, texts in there.items()} == {"genomics": 0, "render": 1}
    assert "<@" not in there["render"][0]
    assert mail["To"] == ["team@example.com", "bob@example.com"]


def test_a_success_mentions_whom_its_status_names(
    run: Callable[..., dict[str, Any]], sinks: dict[str, SlackSink], name: str
) -> None:
    run(0, team="render", owner="alice")
    (text,) = received(sinks, name)["render"]

    assert "<!subteam^S0123456789>" in text
    assert "<@U0123456789>" not in text


def test_hostile_values_of_tags_mention_and_mail_nobody(
    run: Callable[..., dict[str, Any]], sinks: dict[str, SlackSink], name: str
) -> None:
    mail = run(1, team="render", owner=EVIL)
    (text,) = received(sinks, name)["render"]
    blocks = [one for one in json.loads(text)["blocks"] if "<@U" in json.dumps(one)]

    assert mail["To"] == ["team@example.com"]
    # Its value is shown as plain text alone, in which Slack interprets nothing.
    assert all(field["type"] == "plain_text" for block in blocks for field in block["fields"] if EVIL in field["text"])
    assert "<@U" not in json.loads(text)["text"]


def test_a_job_without_the_tag_reaches_no_team(
    run: Callable[..., dict[str, Any]], sinks: dict[str, SlackSink], name: str
) -> None:
    run(1)

    assert received(sinks, name) == {"genomics": [], "render": []}
