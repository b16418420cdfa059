"""Stacks as the real Pulumi engine deploys them, on a local AWS of their own, from a copy of the project."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import this_machine
from batchbell_local.pulumi.provider import write_executable
from batchbell_local.slack.sink import SlackSink
from tests.engine.cli.build import NoPulumi, find_pulumi, must_run

OPERATION = Path(__file__).with_name("operation.py")
PATIENCE = 120.0  # seconds for one operation; the longest takes 15 on a busy machine with two cores
PROGRAM = ("Pulumi.yaml", "Pulumi.*.yaml", "__main__.py", "components", "notifiers", "batchbell")
NOT_HANDED_ON = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
UNCHANGED = {"same", "refresh", "read"}
FUNCTION_TIMEOUT = 6  # s; retries and leases are five times as quick as in a real stack


@dataclass(frozen=True)
class Done:
    """What one operation of the engine did. A step is "update Queue print-color-intake"."""

    result: Any
    failed: str
    changes: list[str]  # the steps that changed something, in the order of their ends; components left out
    diagnostics: list[tuple[str, str]]
    printed: str

    def ends_with(self, *changes: str) -> None:
        assert self.changes[-len(changes) :] == list(changes), self.changes


class Running:
    """An operation that is under way."""

    def __init__(self, process: subprocess.Popen[str], order: dict[str, Any]) -> None:
        self._process = process
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._seen: list[dict[str, Any]] = []
        self._printed: list[str] = []
        assert process.stdin and process.stdout and process.stderr
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._printed.extend, args=(process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()

    def wait_for(self, step: str, state: str) -> None:
        """Until a step ("create Queue print-color-intake") is "begun" or "done"."""
        while True:
            event = self._next()
            assert event is not None, f"it ended without {step}: {self._seen[-1:]}"
            if "step" in event and (_told(event["step"]), event["step"][3]) == (step, state):
                return

    def signal(self, number: signal.Signals) -> None:
        """To the engine and the program, as Ctrl-C in a terminal. Providers have process groups of their own."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """The engine and the program are gone at once, without a word."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def finish(self) -> Done:
        try:
            while self._next() is not None:
                pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for reader in self._readers:
            reader.join(1)
        last = self._seen[-1] if self._seen else {}
        steps = [event["step"] for event in self._seen if "step" in event]
        return Done(
            result=last.get("result"),
            failed=last.get("failed", "" if "result" in last else "it ended without a result"),
            changes=[
                _told(step) for step in steps if step[3] == "done" and step[0] not in UNCHANGED and _is_custom(step[1])
            ],
            diagnostics=[(one["diagnostic"][0], one["diagnostic"][1]) for one in self._seen if "diagnostic" in one],
            printed="".join(self._printed) + "\n".join(json.dumps(event) for event in self._seen),
        )

    def _next(self) -> dict[str, Any] | None:
        event = self._events.get(timeout=PATIENCE)
        if event is not None:
            self._seen.append(event)
        return event

    def _read(self, stream: Any) -> None:
        for line in stream:
            self._events.put(json.loads(line))
        self._events.put(None)


@dataclass
class Stack:
    """One stack of a program. `secrets` are those of its config, without the project's name."""

    folder: Path
    name: str
    environment: dict[str, str]
    cloud: LocalCloud
    sink: SlackSink
    wait_until: Callable[..., None]
    secrets: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def project(self) -> str:
        return str(yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"])

    def set(self, **settings: Any) -> None:
        """Write them into the stack's file, as a person does."""
        document = yaml.safe_load(self.file.read_text()) if self.file.exists() else {"config": {}}
        document["config"] |= {f"{self.project}:{name}": value for name, value in settings.items()}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    def get(self, setting: str) -> Any:
        return yaml.safe_load(self.file.read_text())["config"][f"{self.project}:{setting}"]

    def start(self, operation: str) -> Running:
        process = subprocess.Popen(
            [sys.executable, str(OPERATION)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        order = {"operation": operation, "program": str(self.folder), "stack": self.name, "secrets": self.secrets}
        return Running(process, order)

    def run(self, operation: str) -> Done:
        """The same to its end, which must be a good one."""
        done = self.start(operation).finish()
        assert not done.failed, done.failed
        if operation == "up":
            self.outputs = done.result
        return done

    def submit(self, name: str, size: int = 7, command: list[str] | None = None) -> str:
        job = self.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=self.outputs["job_queue_name"],
            jobDefinition=self.outputs["job_definition_name"],
            arrayProperties={"size": size},
            **({"containerOverrides": {"command": command}} if command else {}),
        )
        return str(job["jobId"])

    def slack(self, name: str) -> list[str]:
        """The titles that Slack accepted about jobs of that name."""
        return [one["text"].splitlines()[0] for one in self.sink.accepted if name in one["text"]]

    def mails(self, name: str) -> list[str]:
        return [mail["Subject"] for mail in self.cloud.mailbox() if name in mail["Subject"]]

    def told(self, *names: str) -> None:
        """Wait until Slack and the mailbox know of these jobs."""
        for name in names:
            self.wait_until(lambda name=name: self.slack(name) and self.mails(name), f"told of {name}", timeout=40)


def _told(step: list[str]) -> str:
    return f"{step[0]} {step[1].rpartition(':')[2]} {step[2]}"


def _is_custom(type_: str) -> bool:
    return type_.startswith("aws:")


@pytest.fixture(scope="session")
def pulumi() -> Path:
    try:
        return find_pulumi()
    except NoPulumi as missing:
        if must_run():
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def executables(pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH: `pulumi`, and our provider as `pulumi-resource-aws`."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "pulumi").symlink_to(pulumi)
    write_executable(folder)
    return folder


@pytest.fixture(scope="session")
def copy_project(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of the program: Pulumi writes into a stack's files."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PROGRAM]
    files = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    bundles = tmp_path_factory.mktemp("bundles")

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("program")
        for name in files:
            if (project / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(project / name, folder / name)
        (folder / ".batchbell").symlink_to(bundles)  # found there, the function's package is made once
        return folder

    return copy


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stacks' states are."""
    return tmp_path_factory.mktemp("backend")


@pytest.fixture(scope="module")
def engine_environment(
    own_cloud: LocalCloud, executables: Path, backend: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What the CLI gets: no account, plugins or settings of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}
    return {
        **kept,
        **own_cloud.environment(),
        "PATH": f"{executables}{os.pathsep}{os.environ['PATH']}",
        # Without metadata: a kill while it is written leaves a state that Pulumi cannot load ("EOF"; measured).
        "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
        "PULUMI_HOME": str(tmp_path_factory.mktemp("home")),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
    }


@pytest.fixture(scope="module")
def stack_of(
    own_cloud: LocalCloud, sink: SlackSink, engine_environment: dict[str, str], wait_until: Callable[..., None]
) -> Callable[..., Stack]:
    """Makes a stack of the program in a folder."""

    def make(folder: Path, name: str, **environment: str) -> Stack:
        stack = Stack(folder, name, engine_environment | environment, own_cloud, sink, wait_until)
        stack.secrets["slackWebhook"] = sink.url
        return stack

    return make


@pytest.fixture(scope="module")
def make_stack(stack_of: Callable[..., Stack], copy_project: Callable[[], Path]) -> Callable[..., Stack]:
    """Makes a stack of a copy of this project, with what a function on this machine needs."""

    def make(name: str = "print-color", **settings: Any) -> Stack:
        """A stack that is not shipped has the settings of print-color, with a Batch environment of its own name."""
        stack = stack_of(copy_project(), name)
        if not stack.file.exists():
            shutil.copy(stack.folder / "Pulumi.print-color.yaml", stack.file)
            stack.set(environment_name=name)
        stack.set(**this_machine(), function_timeout=FUNCTION_TIMEOUT, **settings)
        return stack

    return make


@pytest.fixture(scope="module")
def everything(own_cloud: LocalCloud) -> Callable[[], dict[str, list[str]]]:
    """Lists what there is of each kind that the program makes, by names or ids."""

    def listed() -> dict[str, list[str]]:
        client, found = own_cloud.client, {}
        for service, operation, key, name in (
            ("batch", "describe_compute_environments", "computeEnvironments", "computeEnvironmentName"),
            ("batch", "describe_job_queues", "jobQueues", "jobQueueName"),
            ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
            ("dynamodb", "list_tables", "TableNames", ""),
            ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateName"),
            ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
            ("events", "list_rules", "Rules", "Name"),
            ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
            ("iam", "list_roles", "Roles", "RoleName"),
            ("lambda", "list_functions", "Functions", "FunctionName"),
            ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
            ("logs", "describe_log_groups", "logGroups", "logGroupName"),
            ("sns", "list_topics", "Topics", "TopicArn"),
            ("sqs", "list_queues", "QueueUrls", ""),
            ("ssm", "describe_parameters", "Parameters", "Name"),
        ):
            items = getattr(client(service), operation)().get(key, [])
            found[f"{service} {key}"] = sorted(item[name] if name else item for item in items)
        # The account's own, which the first job makes.
        found["logs logGroups"] = [name for name in found["logs logGroups"] if name != "/aws/batch/job"]
        definitions = client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        found["batch jobDefinitions"] = sorted(one["jobDefinitionArn"] for one in definitions)
        return found

    return listed


@pytest.fixture
def name() -> str:
    """A job's name that no other test uses."""
    return f"job-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def keep_submitting() -> Callable[..., Any]:
    """A context in which small array jobs are submitted one after the other; it gives the list of their names."""

    @contextlib.contextmanager
    def submitting(stack: Stack) -> Iterator[list[str]]:
        names: list[str] = []
        ends = threading.Event()

        def submit() -> None:
            while not ends.is_set():
                names.append(f"during-{uuid.uuid4().hex[:8]}")
                stack.submit(names[-1], size=2)
                ends.wait(0.5)

        thread = threading.Thread(target=submit)
        thread.start()
        try:
            yield names
        finally:
            ends.set()
            thread.join()

    return submitting
