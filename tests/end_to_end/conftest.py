"""Fixtures of stacks as users deploy them. The stack that most tests share is in shared_stack.py."""

from __future__ import annotations

import functools
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.collecting_queue import CollectingQueue
from tests.end_to_end.inspected_stacks import STACKS, AccountResources, InspectedStack, make_account_resources
from tests.end_to_end.observed_stack import ObservedStack
from tests.end_to_end.shared_stack import SharedStack
from tests.end_to_end.stack import Stack

BUILT = ".batchbell"  # components/package/bundle.py


@pytest.fixture(scope="module")
def observed(print_color: Stack, event: Callable[..., dict[str, Any]]) -> ObservedStack:
    topic_arn = print_color.deployment.outputs["notifiers"]["sns"]["topic_arn"]
    topic = CollectingQueue.of_topic(print_color.cloud, f"observed-{uuid.uuid4().hex[:8]}", topic_arn)
    return ObservedStack(print_color, topic, event)


@pytest.fixture(scope="session")
def resources(shared_stack: SharedStack) -> AccountResources:
    """Resources that the stack with every option refers to."""
    return make_account_resources(shared_stack.cloud, shared_stack.sink.url)


@pytest.fixture(scope="session")
def inspected(shared_stack: SharedStack, project: Path, resources: AccountResources) -> Callable[[str], InspectedStack]:
    """Returns one of STACKS by its name; each is deployed once."""
    return functools.cache(lambda name: STACKS[name](shared_stack, project, resources))


@pytest.fixture(scope="session")
def make_program(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Callable[[str], Path]:
    """Makes a folder with a Pulumi program from its source, and the components' code beside it.

    It finds the packages that this project's own program has built.
    """

    def make(source: str) -> Path:
        folder = tmp_path_factory.mktemp("programs") / uuid.uuid4().hex
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
        (folder / "__main__.py").write_text(textwrap.dedent(source))
        (project / BUILT).mkdir(exist_ok=True)
        for shared in ("components", "notifiers", BUILT):
            (folder / shared).symlink_to(project / shared)
        return folder

    return make


@pytest.fixture
def program(make_program: Callable[[str], Path]) -> Callable[[str], Path]:
    return make_program


@pytest.fixture
def name() -> str:
    """A job name that no other test uses."""
    return f"job-{uuid.uuid4().hex[:8]}"
