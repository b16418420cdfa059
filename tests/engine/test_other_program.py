"""Other Pulumi programs, as examples/ ships them, that install the wheel."""

from __future__ import annotations

import shutil
from zipfile import ZipFile

import pytest

from batchbell_local.deployment import this_machine
from tests.engine.engine_stack import PATIENCE
from tests.installed import run
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def installed(batchbell_wheel, tmp_path_factory):
    """A folder with the installed wheel, for the path of a program that does not see the checkout.

    Of a wheel in pure Python pip would put nothing else there; tests/distributions lets pip install it.
    """
    folder = tmp_path_factory.mktemp("wheel") / "site"
    ZipFile(batchbell_wheel).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def example(stack_of, installed, project, share_packages, tmp_path_factory):
    """Makes a stack of an example as it ships, with the settings that a function on this machine needs.

    `builds`: whether it builds the function's package itself
    """

    def make(name, builds):
        folder = tmp_path_factory.mktemp(name)
        ignored = shutil.ignore_patterns("__pycache__", ".*", "*.whl")
        shutil.copytree(project / "examples" / name, folder, ignore=ignored, dirs_exist_ok=True)
        if not builds:
            share_packages(folder)
        stack = stack_of(folder, "dev", PYTHONPATH=str(installed))
        machine = this_machine()
        stack.set(
            function={
                "python_version": machine["function_python_version"],
                "architecture": machine["function_architecture"],
            }
        )
        return stack

    return make


@pytest.fixture(scope="module")
def stack(example):
    """A program with a `components` folder of its own."""
    return example("own-queue", builds=True)


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


def test_a_checkout_of_the_program_has_no_new_files_but_its_stacks(stack):
    git = ["git", "-C", str(stack.folder)]
    run(*git, "init", "--quiet")
    run(*git, "add", "Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py", "components", "requirements.txt", "README.md")

    assert (stack.folder / ".batchbell" / "bundle").is_dir()
    assert [line for line in run(*git, "status", "--porcelain").splitlines() if not line.startswith("A")] == []


@pytest.fixture(scope="module")
def nightly(example, own_cloud):
    """The program with a transform, deployed."""
    stack = example("transforms", builds=False)
    topic = own_cloud.client("sns").create_topic(Name="on-call")["TopicArn"]
    assert topic == stack.get("alarm_topic_arn")
    stack.run("up")
    return stack


def test_a_transform_reaches_every_resource_of_its_types(nightly, own_cloud):
    table = own_cloud.client("dynamodb").describe_continuous_backups(TableName=nightly.outputs["ledger_table_name"])
    recovery = table["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"

    alarms = own_cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    over = {alarm["AlarmName"]: alarm["OKActions"] for alarm in alarms if alarm["AlarmName"].startswith("nightly-")}
    assert len(over) >= 6
    assert set(map(tuple, over.values())) == {(nightly.get("alarm_topic_arn"),)}


def test_a_transformed_stack_has_no_diff(nightly):
    assert set(nightly.run("preview").summary) == {"same"}


def test_what_a_transform_retains_stays_when_the_stack_is_destroyed(nightly, own_cloud):
    def log_groups():
        groups = own_cloud.client("logs").describe_log_groups()["logGroups"]
        return [group["logGroupName"] for group in groups if group["logGroupName"].startswith("nightly-")]

    before = log_groups()
    nightly.run("destroy")

    assert log_groups() == before
    assert len(before) == 1
    tables = own_cloud.client("dynamodb").list_tables()["TableNames"]
    assert nightly.outputs["ledger_table_name"] not in tables
