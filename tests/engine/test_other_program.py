"""Another Pulumi program, with a `components` folder of its own, that installs the wheel."""

from __future__ import annotations

import shutil

import pytest

from batchbell_local.deployment import this_machine
from tests.engine.engine_stack import PATIENCE
from tests.installed import PIP, run
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def installed(batchbell_wheel, tmp_path_factory):
    """A folder with the installed wheel, for the path of a program that does not see the checkout."""
    folder = tmp_path_factory.mktemp("wheel") / "site"
    run(*PIP, "install", "--no-deps", "--target", str(folder), str(batchbell_wheel))
    return folder


@pytest.fixture(scope="module")
def stack(stack_of, installed, project, tmp_path_factory):
    """The example as it ships, with the settings that a function on this machine needs."""
    folder = tmp_path_factory.mktemp("own-queue")
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.whl")
    shutil.copytree(project / "examples" / "own-queue", folder, ignore=ignored, dirs_exist_ok=True)
    stack = stack_of(folder, "dev", PYTHONPATH=str(installed))
    machine = this_machine()
    stack.set(
        function={
            "python_version": machine["function_python_version"],
            "architecture": machine["function_architecture"],
        }
    )
    return stack


def test_a_program_that_installs_the_wheel_previews_with_an_unknown_queue_and_sends_messages(stack, name):
    preview = stack.run("preview")
    done = stack.run("up")
    stack.submit(name, 3)
    wait_until(lambda: stack.slack(name), "in Slack", PATIENCE)

    assert set(preview.summary) == {"create"}
    assert "create JobQueue frames" in done.changes
    assert stack.slack(name) == [f"✅ {name} succeeded: all 3 children"]
    assert set(stack.run("preview").summary) == {"same"}


def test_the_installed_wheel_is_what_was_deployed(stack, installed):
    assert not (stack.folder / "batchbell").exists()
    assert (installed / "batchbell" / "components" / "array_job_notifier.py").exists()
    assert not (installed / "components").exists()
