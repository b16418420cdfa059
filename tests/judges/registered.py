"""Records what `__main__.py` registers, without an engine: `registered(config)`.

The program runs under Pulumi's SDK with a monitor that creates nothing. It answers with names, ids and ARNs such as the
provider of pulumi_aws 7 gives, in the chosen partition and Region, so that policies and references look real.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import json
import runpy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import configure, run_in_stack, set_all_config
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.settings import Settings

from batchbell import stack_files
from batchbell_local.pulumi.naming import Naming
from batchbell_local.pulumi.resources import property_values
from tests.judges.provider_answers import Place, function_answer, resource_answer

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "batchbell" / "dispatcher"  # in place of the function's package, whose build takes seconds
WEBHOOK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
SECRETS = {"slackWebhook": WEBHOOK, "appriseUrl": "discord://000000/XXXXXXXXXXXX"}
TIME_LIMIT = 60  # s; a recording takes 0.2 s, the first one 3 s


@dataclass(frozen=True)
class Registered:
    """A resource of the program.

    type_token: such as "aws:sqs/queue:Queue"
    name: its logical name
    inputs: what the program gave, by wire names (camelCase), with secrets unwrapped
    outputs: the inputs and what the provider computes, such as a generated `name`, `arn` and `id`
    protect: whether Pulumi refuses to delete it
    """

    type_token: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    protect: bool = False


@dataclass(frozen=True)
class Recording:
    """A run of the program.

    resources: by type and logical name
    messages: severity and text of what the program logged, such as ("warning", "…")
    outputs: of the stack
    """

    resources: tuple[Registered, ...]
    messages: tuple[tuple[str, str], ...]
    outputs: Mapping[str, Any]

    def of_type(self, type_token: str) -> list[Registered]:
        return [one for one in self.resources if one.type_token == type_token]


def record(
    config: Mapping[str, Any],
    *,
    partition: str = "aws",
    region: str = "us-east-1",
    stack: str = "dev",
    secrets: Mapping[str, str] = SECRETS,
) -> Recording:
    """Run the program once for these arguments in this process; the same arguments give the same recording.

    config: of the stack, with the project's flat keys; the rest are Pulumi.yaml's defaults

    Raises what ends the program, such as pulumi.RunError.
    """
    return _record(json.dumps([dict(config), dict(secrets)], sort_keys=True), Place(partition, region), stack)


def registered(
    config: Mapping[str, Any], *, partition: str = "aws", region: str = "us-east-1", stack: str = "dev"
) -> tuple[Registered, ...]:
    """Return the resources of `record`."""
    return record(config, partition=partition, region=region, stack=stack).resources


@functools.cache
def _record(config_and_secrets: str, place: Place, stack: str) -> Recording:
    values = stack_files.load(PROJECT, stack, *json.loads(config_and_secrets))
    monitor, engine = _Monitor(values, stack, place), _EngineLog()
    run_program(values, stack, monitor, engine)
    resources = sorted(monitor.resources, key=lambda one: (one.type_token, one.name))
    return Recording(tuple(resources), tuple(engine.messages), monitor.outputs)


def run_program(values: stack_files.StackConfig, stack: str, monitor: Any, engine: Any) -> None:
    """Run `__main__.py` with a monitor and a log in place of the engine. Raises what ends the program."""

    def main() -> None:
        runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")

    def run() -> None:
        set_all_config(dict(values.values), list(values.secret_keys))
        configure(
            Settings(
                project=values.project,
                stack=stack,
                organization="organization",
                monitor=monitor,
                engine=engine,
                dry_run=False,
                root_directory=str(PROJECT),
            )
        )
        gc.disable()  # a run makes many objects, and collecting takes a quarter of its time (measured)
        try:
            with mock.patch("components.array_job_notifier.build", return_value=PACKAGE):
                asyncio.run(run_in_stack(main))
        finally:
            gc.enable()

    _in_a_context_of_its_own(run)


def _in_a_context_of_its_own(run: Callable[[], None]) -> None:
    """The SDK keeps its settings in context variables, and its event loop is the thread's."""
    failures: list[BaseException] = []

    def target() -> None:
        try:
            contextvars.Context().run(run)
        except SystemExit as ended:
            failures.append(ended.__cause__ or ended)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(TIME_LIMIT)
    if thread.is_alive():
        raise TimeoutError("the program did not end")
    if failures:
        raise failures[0]


class _Monitor:
    """Serves the SDK in place of the engine. Its methods run in several threads at once."""

    def __init__(self, values: stack_files.StackConfig, stack: str, place: Place) -> None:
        self._project, self._stack, self._place = values.project, stack, place
        self._naming = Naming.from_config(values.project, stack, values.values)
        self.resources: list[Registered] = []
        self.outputs: Mapping[str, Any] = {}

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
            ]
        )

    def SignalAndWaitForShutdown(self, request: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        parent = request.parent.split("::")[2] + "$" if request.parent else ""
        urn = f"urn:pulumi:{self._stack}::{self._project}::{parent}{request.type}::{request.name}"
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        inputs = property_values.decode(request.object).values
        id, computed = resource_answer(request.type, request.name, inputs, self._place, self._naming)
        outputs = {**inputs, **computed, "id": id}
        self.resources.append(Registered(request.type, request.name, inputs, outputs, request.protect))
        answer = property_values.encode_as({**inputs, **computed}, request.object)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id, object=answer)

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        arguments = property_values.decode(request.args).values
        answer = property_values.encode(function_answer(request.tok, arguments, self._place))
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self.outputs = property_values.decode(request.outputs or struct_pb2.Struct()).values
        return empty_pb2.Empty()


class _EngineLog:
    """Keeps what the program logs, but not debug messages."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def Log(self, request: Any) -> Any:  # noqa: N802
        if request.severity != engine_pb2.DEBUG:
            self.messages.append((engine_pb2.LogSeverity.Name(request.severity).lower(), request.message))
        return empty_pb2.Empty()
