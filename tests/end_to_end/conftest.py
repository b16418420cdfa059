"""Fixtures: stacks as users deploy them, each file on a local AWS of its own."""

from __future__ import annotations

import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import deploy, this_machine
from batchbell_local.slack.sink import SlackSink
from tests.end_to_end.observed_stack import ObservedStack
from tests.end_to_end.stack import TIMEOUT, Stack


@pytest.fixture(scope="module")
def print_color(own_cloud: LocalCloud, sink: SlackSink, project: Path, wait_until: Callable[..., None]) -> Stack:
    deployment = deploy(
        own_cloud.environment(),
        project,
        "print-color",
        config={**this_machine(), "function_timeout": TIMEOUT},
        secrets={"slackWebhook": sink.url},
    )
    return Stack(own_cloud, deployment, sink, wait_until)


@pytest.fixture(scope="module")
def observed(print_color: Stack, event: Callable[..., dict[str, Any]]) -> ObservedStack:
    topic_arn = print_color.deployment.outputs["notifiers"]["sns"]["topic_arn"]
    return ObservedStack(print_color, CollectingQueue.of_topic(print_color.cloud, "observed", topic_arn), event)


@pytest.fixture
def program(tmp_path: Path, project: Path) -> Callable[[str], Path]:
    """Makes a folder with a Pulumi program from its source, and the components' code beside it."""

    def make(source: str) -> Path:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
        (folder / "__main__.py").write_text(textwrap.dedent(source))
        for package in ("components", "notifiers"):
            (folder / package).symlink_to(project / package)
        return folder

    return make


@pytest.fixture
def name() -> str:
    """A job name that no other test uses."""
    return f"job-{uuid.uuid4().hex[:8]}"
