"""The run of docs/first-deploy.md, whole: the bare CLI, local AWS, and what stands in the redacted file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.deployment import this_machine
from tests.engine.language_host import write_executable
from tests.waiting import wait_until
from tests.warm_python import warm_subprocess
from tests.warm_python.stand_in_server import StandInServer
from tools.first_deploy.capture import NAME
from tools.first_deploy.steps import STEPS

PATIENCE = 120.0  # s of an idle machine; a whole run takes some 45 s
RUN = Path(__file__).with_name("first_deploy_run.py")
SECRET = "a-token-that-nobody-may-see"
LOST = ("InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq")


@pytest.fixture(scope="module")
def python():
    """The command that runs this Python, forked."""
    server = StandInServer()
    yield server.python
    server.stop()


@pytest.fixture(scope="module")
def environment(engine_environment, python, tmp_path_factory):
    """A volunteer's: the language host on PATH, and a secret."""
    folder = tmp_path_factory.mktemp("language-host")
    write_executable(folder, python=python)
    path = f"{folder}{os.pathsep}{engine_environment['PATH']}"
    return engine_environment | {"PATH": path, "SOME_API_TOKEN": SECRET}


@pytest.fixture(scope="module")
def start(environment, project, python, secrets_provider, tmp_path_factory):
    """Starts a run with the settings that a function on this machine needs."""
    packages = tmp_path_factory.mktemp("packages")

    def begin(work, *options):
        settings = [f"--set={name}={json.dumps(value)}" for name, value in this_machine().items()]
        return warm_subprocess.Popen(
            [
                sys.executable,
                "-P",
                str(RUN),
                json.dumps(python),
                secrets_provider,
                str(packages),
                f"--work={work}",
                *settings,
                *options,
            ],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return begin


def finish(process):
    """Return the exit code and what was printed; a run without an end fails the test."""
    output = []
    reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
    reader.start()
    try:
        wait_until(lambda: process.poll() is not None, "the end of the run", PATIENCE)
    finally:
        process.kill()
        reader.join()
        process.stdout.close()
    return process.returncode, " ".join(output[0].split())


def report(work):
    return json.loads((work / "first-deploy-report.json").read_text("utf-8"))


class Metrics(threading.Thread):
    """Plays the part of EventBridge, whose metrics local AWS does not have: one each for the first lost events."""

    def __init__(self, cloud):
        super().__init__()
        self._cloud, self.ended = cloud, threading.Event()

    def run(self):
        events, rules = self._cloud.client("events"), list[Any]()
        while not self.ended.wait(1):
            rules = rules or events.list_rules(NamePrefix="first-deploy-bell-finished")["Rules"]
            for rule in rules:
                dimensions = [{"Name": "RuleName", "Value": rule["Name"]}]
                self._cloud.client("cloudwatch").put_metric_data(
                    Namespace="AWS/Events",
                    MetricData=[
                        {"MetricName": name, "Dimensions": dimensions, "Timestamp": datetime.now(UTC), "Value": 1}
                        for name in LOST
                    ],
                )


@pytest.fixture(scope="module")
def before(everything):
    return everything()


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def done(start, work, own_cloud, before):
    """The exit code and output of a whole run."""
    metrics = Metrics(own_cloud)
    metrics.start()
    try:
        return finish(start(work, "--yes"))
    finally:
        metrics.ended.set()
        metrics.join()


@pytest.fixture(scope="module")
def steps(done, work):
    return {one["step"]: one for one in report(work)["steps"]}


def test_every_step_ends_well_within_its_limit(done, steps):
    code, printed = done
    assert {name: (one["outcome"], one["reason"]) for name, one in steps.items()} == {
        step.name: ("ok", "") for step in STEPS
    }, printed
    assert code == 0
    assert all(one["seconds"] < one["limit_seconds"] for one in steps.values())
    for step in STEPS:
        assert f"{step.name} (at most {step.limit / 60:.0f} min): {step.does}" in printed


def test_the_second_preview_and_the_one_after_the_repairs_are_empty(steps):
    assert steps["preview"]["findings"] == steps["refresh"]["findings"] == {"changes": []}


def test_the_parents_events_and_summaries_are_captured(steps):
    found = steps["array"]["findings"]
    assert found["parent_statuses_in_events"][-1] == "FAILED"
    assert found["parent_sends_a_pending_event"] is True
    assert {status: found["child_statuses_in_events"][status] for status in ("SUCCEEDED", "FAILED")} == {
        "SUCCEEDED": 2,
        "FAILED": 1,
    }
    last = found["parent_events"][-1]["detail"]
    assert last["statusReason"] == "Array Child Job failed"
    assert last["arrayProperties"]["statusSummary"]["FAILED"] == 1
    assert found["event_of_a_failed_child"]["detail"]["jobId"] == f"{found['job']}:1"

    running = next(look for look in found["looks"] if look["list_jobs_pending"] is not None)
    assert running["list_jobs_pending"]["size"] == sum(running["list_jobs_pending"]["statusSummary"].values()) == 3
    assert found["list_jobs_had_a_status_summary"] is found["list_jobs_had_its_time"] is True
    assert found["looks"][-1]["describe_jobs"]["status"] == "FAILED"
    assert found["looks"][-1]["children"] == {"SUCCEEDED": 2, "FAILED": 1}


def test_the_metric_that_moves_without_the_permission_is_named(steps):
    for step, metric in zip(("broken-intake", "broken-both"), LOST, strict=True):
        found = steps[step]["findings"]
        assert found["expected"] == metric
        assert found["moved"] is True
        assert set(found["sums"]) >= set(LOST)
        assert f"{metric} by RuleName" in found["listed"]
        assert len(found["alarms"]) >= 6


def test_a_test_message_and_the_redriven_event_arrive(steps):
    assert steps["send-test"]["findings"]["notifiers"] == [{"name": "topic", "state": "delivered", "reason": None}]
    found = steps["redrive"]["findings"]
    (group,) = found["status_before"]["dead_letters"]["groups"]
    assert group["reason"] == "the rule could not deliver it: NO_PERMISSIONS"
    assert found["redrive"]["task"]["moved"] == 1
    assert found["status_after"]["attention"] == []
    deliveries = [found[when]["notifiers"][0]["last_delivery"] for when in ("status_before", "status_after")]
    assert deliveries[0] < deliveries[1]


def test_nothing_is_left_but_what_batch_keeps(steps, everything, before, work):
    assert [one["outcome"] for one in steps["destroy"]["findings"]["removed"]] == ["ok"] * 3
    assert everything() == before
    assert steps["leftovers"]["findings"]["left"] == {"job definitions, inactive": ["first-deploy:1"]}
    assert [file.name for file in work.iterdir()] == ["first-deploy-report.json"]


def test_the_file_names_neither_account_nor_host_nor_secret(done, work, own_cloud):
    text = (work / "first-deploy-report.json").read_text("utf-8")
    for hidden in (own_cloud.account_id, "127.0.0.1", "localhost", SECRET, str(work), "@example.com"):
        assert hidden not in text
    assert "arn:aws:batch:us-east-1:<account>:job/" in text
    assert not re.search(r"(?<![0-9a-f-])[0-9]{12}(?![0-9a-f])", text)
    assert not re.search(r"\b(vpc|subnet|sg|eni)-[0-9a-f]{8}", text)


def wait_for_queue(cloud, prefix, process):
    """Wait until a queue with such a name exists, or the run has ended."""

    def exists():
        found = cloud.client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls")
        return found or process.poll() is not None

    wait_until(exists, f"a queue {prefix}…", PATIENCE)


def test_ctrl_c_removes_what_was_made_and_leaves_the_report(start, tmp_path, own_cloud, everything, before, done):
    """Ctrl-C while Pulumi creates the stack."""
    process = start(tmp_path, "--yes")
    wait_for_queue(own_cloud, "first-deploy-", process)
    process.send_signal(signal.SIGINT)
    code, printed = finish(process)

    assert code == 130, printed
    assert everything() == before
    found = report(tmp_path)
    assert (found["steps"][-1]["step"], found["steps"][-1]["outcome"]) == ("up", "interrupted")
    assert [one["outcome"] for one in found["removed"]] == ["ok"]
    assert set(found["left"]) <= {"job definitions, inactive"}


def test_what_a_killed_run_leaves_is_removed_by_clean_up(start, tmp_path, own_cloud, everything, before, done):
    """Killed while it captures events. A CLI that is killed leaves a lock."""
    process = start(tmp_path, "--yes")
    wait_for_queue(own_cloud, NAME, process)
    process.kill()
    finish(process)
    locks = tmp_path / "program" / "state" / ".pulumi" / "locks" / "organization" / "batchbell" / "first-deploy"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "killed.json").write_text("{}")
    assert everything() != before
    again, refusal = finish(start(tmp_path, "--yes"))
    code, printed = finish(start(tmp_path, "--clean-up"))

    assert (again, code) == (2, 0), refusal + printed
    assert "--clean-up removes it" in refusal
    for what in ("the stack", "the temporary queue", "the temporary rule"):
        assert f"{what}: ok" in printed
    assert everything() == before
    assert finish(start(tmp_path, "--clean-up"))[0] == 0


def test_a_stack_that_cannot_be_deployed_ends_the_run_with_the_reason(start, tmp_path, everything, before, done):
    code, printed = finish(start(tmp_path, "--yes", "--set=notifiers=[]"))

    assert code == 1, printed
    (*_, last) = report(tmp_path)["steps"]
    assert (last["step"], last["outcome"]) == ("up", "failed")
    assert "nobody would get messages" in "\n".join(last["findings"]["printed"])
    assert everything() == before


def test_without_a_yes_nothing_is_made(start, tmp_path, everything, before, done):
    code, printed = finish(start(tmp_path))

    assert code == 2, printed
    assert all(f"Costs: {step.costs}" in printed for step in STEPS)
    assert everything() == before
