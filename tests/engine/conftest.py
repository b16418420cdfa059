"""Fixtures: stacks that the real Pulumi engine deploys from a copy of the project, each file on its own local AWS."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import this_machine
from batchbell_local.pulumi import provider as aws_plugin
from batchbell_local.slack.sink import SlackSink
from tests.engine.attached_host import attached
from tests.engine.cli.build import CLI, SDK_GENERATOR, YAML_HOST, Executable, NoPulumi, find, must_run
from tests.engine.engine_stack import FUNCTION_TIMEOUT, EngineStack
from tests.engine.plugin_conformance import ExampleProgram, make_stack_of
from tests.engine.running_operation import OperationResult, ProgramHost
from tests.warm_python import warm_subprocess

PROGRAM = ("Pulumi.yaml", "examples/stacks", "__main__.py", "components", "notifiers", "batchbell")
NOT_PASSED_ON = ("AWS_", "BOTO", "PULUMI_", "PYTHON")
JOBS_AT_ONCE = 4


collected: dict[pytest.Item, int] = {}


def pytest_itemcollected(item: pytest.Item) -> None:
    collected[item] = len(collected)


@pytest.hookimpl(trylast=True)  # after pytest-randomly
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order of the tests in each file here, also where the files come in random order.

    An operation takes seconds, so that a test goes on with the stack where the one before left it.
    """
    for path in {item.path for item in collected}:
        places = [number for number, item in enumerate(items) if item.path == path]
        in_order = sorted((items[place] for place in places), key=collected.__getitem__)
        for place, item in zip(places, in_order, strict=True):
            items[place] = item


@pytest.fixture(scope="session")
def pulumi() -> Path:
    return found(CLI)


@pytest.fixture(scope="session")
def yaml_host() -> Path:
    return found(YAML_HOST)


@pytest.fixture(scope="session")
def sdk_generator() -> Path:
    return found(SDK_GENERATOR)


def found(executable: Executable) -> Path:
    try:
        return find(executable)
    except NoPulumi as missing:
        if must_run():
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def executables(pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH with `pulumi`."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "pulumi").symlink_to(pulumi)
    return folder


@pytest.fixture(scope="session")
def start_provider(project: Path) -> Callable[[Mapping[str, str]], AbstractContextManager[dict[str, str]]]:
    """Starts a provider with other variables than those of the file's engines."""
    return partial(running_provider, project)


@pytest.fixture(scope="session")
def program_host() -> Iterator[ProgramHost]:
    host = ProgramHost()
    yield host
    host.stop()


@pytest.fixture(scope="session")
def share_packages(project: Path) -> Callable[[Path], None]:
    """Lets a program use the function's packages that this checkout has built: compiling one takes 0.8 s.

    How a program builds its own, test_other_program.py shows.
    """
    packages = project / ".batchbell" / "bundle"
    packages.mkdir(parents=True, exist_ok=True)

    def share(program: Path) -> None:
        (program / ".batchbell").mkdir()
        (program / ".batchbell" / "bundle").symlink_to(packages)

    return share


@pytest.fixture(scope="session")
def copy_project(
    project: Path, share_packages: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Path]:
    """Copies the program, since Pulumi writes into a stack's file."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PROGRAM]
    files = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("program")
        for name in files:
            if (project / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, folder / name)  # with its time, by which its compiled form is valid
        for compiled in (file for part in PROGRAM for file in (project / part).rglob("__pycache__/*.pyc")):
            copied = folder / compiled.relative_to(project)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(compiled, copied)
        share_packages(folder)
        return folder

    return copy


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the stacks' states."""
    return tmp_path_factory.mktemp("backend")


@pytest.fixture(scope="module")
def cloud_environment(own_cloud: LocalCloud) -> dict[str, str]:
    """Variables for programs that use the local AWS, without the account, plugins and settings of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    return kept | own_cloud.environment()


@contextlib.contextmanager
def running_provider(project: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the variable with which engines use a provider that has this environment."""
    process = warm_subprocess.Popen(
        [sys.executable, "-P", "-m", "batchbell_local.pulumi.provider"],
        env={**environment, "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        yield {"PULUMI_DEBUG_PROVIDERS": f"aws:{process.stdout.readline().strip()}"}
        process.kill()


@pytest.fixture(scope="module")
def provider(project: Path, cloud_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The variable with which all engines of a file use one provider process, since its start takes 1 s.

    Without the variable, an engine starts the provider itself, as with a real one.
    """
    with running_provider(project, cloud_environment) as variable:
        yield variable


@pytest.fixture(scope="module")
def secrets_provider(own_cloud: LocalCloud) -> str:
    """What encrypts a stack's secrets: a key of KMS, since a key from a passphrase takes each command 0.24 s."""
    key = own_cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    return f"awskms://{key}?region={own_cloud.region}"


@pytest.fixture(scope="module")
def engine_environment(
    cloud_environment: dict[str, str],
    provider: dict[str, str],
    executables: Path,
    backend: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The CLI's environment."""
    home = tmp_path_factory.mktemp("home")
    aws_plugin.install(home)
    (home / "logs").touch()  # no folder, so that the CLI does not write all that it does into a log: 0.1 s
    return {
        **cloud_environment,
        **provider,
        "PATH": f"{executables}{os.pathsep}{os.environ['PATH']}",
        # Without metadata: a kill while it is written leaves a state that Pulumi cannot load ("EOF"; tried).
        "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
        "PULUMI_HOME": str(home),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_SKIP_CHECKPOINTS": "1",  # the state is written once for each operation
        "PULUMI_DEBUG_COMMANDS": "1",  # for --event-log and --client
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "GOGC": "400",  # the CLI collects its garbage less often: a tenth less time
    }


@pytest.fixture(scope="module")
def stack_of(
    own_cloud: LocalCloud,
    sink: SlackSink,
    engine_environment: dict[str, str],
    program_host: ProgramHost,
    secrets_provider: str,
) -> Callable[..., EngineStack]:
    """Makes a stack of the program in a folder."""

    def make(folder: Path, name: str, *, host: ProgramHost | None = program_host, **environment: str) -> EngineStack:
        variables = engine_environment | environment
        stack = EngineStack(folder, name, variables, own_cloud, sink, host, secrets_provider)
        stack.secrets["slackWebhook"] = sink.url
        return stack

    return make


@pytest.fixture(scope="module")
def example_stack(
    program: ExampleProgram,
    stack_of: Callable[..., EngineStack],
    project: Path,
    share_packages: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[EngineStack]:
    """A stack of the file's `program`, not deployed."""
    stack = make_stack_of(program, project, tmp_path_factory.mktemp("checkout"), stack_of)
    share_packages(stack.folder)
    with attached(stack.environment):
        yield stack


@pytest.fixture(scope="module")
def first(example_stack: EngineStack) -> OperationResult:
    """The first `up`."""
    return example_stack.run("up")


@pytest.fixture(scope="module")
def stack(example_stack: EngineStack, first: OperationResult) -> EngineStack:
    """The file's `program`, deployed. Files without one have a `stack` of their own."""
    return example_stack


@pytest.fixture(scope="module")
def make_stack(stack_of: Callable[..., EngineStack], copy_project: Callable[[], Path]) -> Callable[..., EngineStack]:
    """Makes a stack of a copy of this project, with the settings that a function on this machine needs."""

    def make(name: str = "print-color", **settings: Any) -> EngineStack:
        """The stack has the settings of the example print-color, and its Batch environment has the stack's name."""
        stack = stack_of(copy_project(), name)
        shutil.copy(stack.folder / "examples" / "stacks" / "Pulumi.print-color.yaml", stack.file)
        stack.set(environment_name=name)
        stack.set(**this_machine(), function_timeout=FUNCTION_TIMEOUT, **settings)
        return stack

    return make


@pytest.fixture(scope="module")
def everything(own_cloud: LocalCloud) -> Callable[[], dict[str, list[str]]]:
    """Lists the existing resources of each kind that the program creates, by name or id."""

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
        # This group belongs to the account: its first job creates it.
        found["logs logGroups"] = [name for name in found["logs logGroups"] if name != "/aws/batch/job"]
        definitions = client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        found["batch jobDefinitions"] = sorted(one["jobDefinitionArn"] for one in definitions)
        return found

    return listed


@pytest.fixture
def name() -> str:
    """A job name that no other test uses."""
    return f"job-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def keep_submitting() -> Callable[..., Any]:
    """A context manager that submits small array jobs, a few at a time, and yields the list of their names."""

    @contextlib.contextmanager
    def submitting(stack: EngineStack) -> Iterator[list[str]]:
        names: list[str] = []
        ends = threading.Event()

        def submit() -> None:
            while not ends.is_set() or len(names) < JOBS_AT_ONCE:
                if sum(not stack.slack(name) for name in names) < JOBS_AT_ONCE:
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
