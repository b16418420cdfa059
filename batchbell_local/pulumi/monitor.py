"""Runs a Pulumi program against local AWS without the Pulumi CLI: `python -m batchbell_local.pulumi.monitor`.

The program runs under Pulumi's own SDK. A resource monitor takes the place of the engine and creates each resource with
the table in `resources`. It never updates or deletes: a deployment starts on an empty local AWS and keeps no state.

Standard input is one line of JSON: {"program", "stack", "config", "secrets"}; its end means that the caller is gone.
Standard output is one line of JSON for each event: {"creating"}, {"created"}, and last {"outputs"} or {"failed"}. The
program's own output goes to standard error. On failure the exit status is 1, and the last line on standard error says
why.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import pulumi
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import configure, run_in_stack, set_all_config
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.settings import Settings

from batchbell import stack_files
from batchbell_local.pulumi import endpoint_guard
from batchbell_local.pulumi.naming import Naming
from batchbell_local.pulumi.redaction import Redaction
from batchbell_local.pulumi.resources import (
    FUNCTIONS,
    TABLE,
    Clients,
    InvalidInputs,
    Outputs,
    aws_reason,
    property_values,
)

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:aws"

Report = Callable[[Mapping[str, Any]], None]


class ResourceError(Exception):
    """A resource or function was refused; the text names it and says why, on one line, without secrets."""


class ResourceMonitor:
    """Serves the SDK in place of the engine. Its methods run in several threads at once."""

    def __init__(
        self, project: str, stack: str, naming: Naming, clients: Clients, redaction: Redaction, report: Report
    ) -> None:
        self._project = project
        self._stack = stack
        self._naming = naming
        self._clients = clients
        self._redaction = redaction
        self._report = report
        self._lock = threading.Lock()
        self._urns: set[str] = set()
        self._ids: dict[tuple[str, str], str] = {}
        self.failures: list[str] = []
        self.outputs: dict[str, Any] = {}

    def GetDeploymentInfo(self, request: Any) -> Any:
        """The supported features. The SDK refuses transforms and hooks, since they are not among them."""
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
            ]
        )

    def SignalAndWaitForShutdown(self, request: Any) -> Any:
        return empty_pb2.Empty()

    def RegisterResource(self, request: Any) -> Any:
        urn = self._new_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE or not (request.custom or request.remote):
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        with _NamingFailures(self, request.type, request.name):
            if request.remote or request.importId:
                raise ResourceError("remote components and imports do not work without the Pulumi engine")
            properties = self._decode(request.object)
            if request.type == PROVIDER_TYPE:
                for failure in endpoint_guard.check_provider(properties.values, self._clients.region):
                    raise ResourceError(str(failure))
                id, outputs = request.name, properties.values
            else:
                id, outputs = self._create(request.type, request.name, properties)
            secret = properties.secret | set(request.additionalSecretOutputs)
            answer = self._encode(outputs, secret | _secret_outputs(request.type))
            return resource_pb2.RegisterResourceResponse(urn=urn, id=id, object=answer)

    def ReadResource(self, request: Any) -> Any:
        urn = self._new_urn(request.parent, request.type, request.name)
        with _NamingFailures(self, request.type, request.name):
            found = _resource_type(request.type).read(request.id, self._clients)
            if found is None:
                raise ResourceError(f"{request.id} does not exist")
            answer = self._encode(found[1], _secret_outputs(request.type))
            return resource_pb2.ReadResourceResponse(urn=urn, properties=answer)

    def Invoke(self, request: Any) -> Any:
        with _NamingFailures(self, "function", request.tok):
            if request.tok not in FUNCTIONS:
                raise ResourceError("this function is not supported by local AWS")
            arguments = self._decode(request.args)
            result = FUNCTIONS[request.tok](arguments.values, self._clients)
            secret = frozenset(result) if arguments.secret else frozenset()
            return resource_pb2.ResourceInvokeResponse(**{"return": self._encode(result, secret)})

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if request.urn.split("::")[2] == STACK_TYPE:
            self._redaction.learn(property_values.secret_texts(request.outputs))
            self.outputs = self._redaction.scrub_values(property_values.masked(request.outputs))
        return empty_pb2.Empty()

    def _create(self, type_: str, name: str, properties: property_values.Properties) -> tuple[str, Outputs]:
        resource_type = _resource_type(type_)
        inputs = resource_type.check(name, None, properties.values, random.Random(), self._naming.name(name))
        started = time.monotonic()
        self._report({"creating": {"type": type_, "name": name}})
        id, outputs = resource_type.create(inputs, self._clients)
        with self._lock:
            earlier = self._ids.setdefault((type_, id), name)
        if earlier != name:
            raise ResourceError(f'it is the same AWS resource as "{earlier}": {id}')
        seconds = round(time.monotonic() - started, 3)
        self._report({"created": {"type": type_, "name": name, "id": id, "seconds": seconds}})
        return id, outputs

    def _decode(self, struct: struct_pb2.Struct) -> property_values.Properties:
        self._redaction.learn(property_values.secret_texts(struct))
        return property_values.decode(struct)

    def _encode(self, outputs: Outputs, secret: frozenset[str]) -> struct_pb2.Struct:
        """Encode outputs; those named in `secret`, and those that contain a secret's text, are secrets."""
        repeating = {name for name, value in outputs.items() if self._redaction.finds_in(value)}
        return property_values.encode(outputs, secret | repeating)

    def _new_urn(self, parent: str, type_: str, name: str) -> str:
        types = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if types == STACK_TYPE else f"{types}${type_}"
        urn = f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"
        with self._lock:
            if urn not in self._urns:
                self._urns.add(urn)
                return urn
        with _NamingFailures(self, type_, name):
            raise ResourceError(f"there are two resources of this type and name; give each its own name ({urn})")

    def fail(self, kind: str, name: str, error: Exception) -> ResourceError:
        """Record the failure, and return the error for the SDK."""
        if isinstance(error, ResourceError | InvalidInputs):
            reason = str(error)
        else:
            reason = aws_reason(error)
            if reason.startswith(type(error).__name__):
                traceback.print_exception(error, file=sys.stderr)
        text = self._redaction.scrub(f'{kind} "{name}": {reason}')
        with self._lock:
            self.failures.append(text)
        return ResourceError(text)


class _NamingFailures:
    """A context manager that turns every error inside into one ResourceError that names the resource."""

    def __init__(self, monitor: ResourceMonitor, kind: str, name: str) -> None:
        self._monitor, self._kind, self._name = monitor, kind, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise self._monitor.fail(self._kind, self._name, error) from None


class EngineLog:
    """Writes `pulumi.info`, `pulumi.warn` and the SDK's own messages to standard error."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    def Log(self, request: Any) -> Any:
        if request.severity != engine_pb2.DEBUG:
            severity = engine_pb2.LogSeverity.Name(request.severity).lower()
            print(f"{severity}: {self._redaction.scrub(request.message)}", file=sys.stderr)
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, request: Any) -> Any:
        return engine_pb2.RequirePulumiVersionResponse()


def run(request: Mapping[str, Any], report: Report) -> str | None:
    """Deploy the program that `request`, the line from standard input, names. Return None, or why it failed."""
    redaction = Redaction()
    redaction.learn(request["secrets"].values())
    program = Path(request["program"])
    monitor: ResourceMonitor | None = None
    try:
        if refusal := endpoint_guard.check_endpoint(os.environ):
            raise pulumi.RunError(refusal)
        config = stack_files.load(program, request["stack"], request["config"], request["secrets"])
        naming = Naming.from_config(config.project, config.stack, config.values)
        monitor = ResourceMonitor(config.project, config.stack, naming, Clients(), redaction, report)
        set_all_config(dict(config.values), list(config.secret_keys))
        configure(
            Settings(
                project=config.project,
                stack=config.stack,
                organization="organization",
                monitor=monitor,
                engine=EngineLog(redaction),
                dry_run=False,
                root_directory=str(program),
            )
        )
        _run_program(program)
    except (stack_files.InvalidConfig, pulumi.RunError, ResourceError) as error:
        reason = str(error)
    except SystemExit as error:
        shown = isinstance(error.__cause__, pulumi.RunError)
        reason = str(error.__cause__) if shown else f"the program exited with status {error.code}"
    except Exception as error:
        print(redaction.scrub(traceback.format_exc()), file=sys.stderr)
        reason = _where(error, program)
    else:
        report({"outputs": monitor.outputs})
        return None
    if monitor is not None and monitor.failures:
        reason = monitor.failures[0]
    reason = redaction.scrub(reason)
    report({"failed": reason})
    return reason


def _run_program(program: Path) -> None:
    """Run the program as the language host does, with its folder as working directory and first on the path."""
    here = sys.path[0]
    sys.path[0] = str(program)
    sys.path.append(here)
    os.chdir(program)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def main() -> None:
        runpy.run_path(str(program / "__main__.py"), run_name="__main__")

    loop.run_until_complete(run_in_stack(main))


def _resource_type(type_: str) -> Any:
    if type_ not in TABLE:
        raise ResourceError("this resource type is not supported by local AWS")
    return TABLE[type_]


def _secret_outputs(type_: str) -> frozenset[str]:
    return TABLE[type_].secret_outputs if type_ in TABLE else frozenset()


def _where(error: Exception, program: Path) -> str:
    """Describe a mistake in the program on one line, with the last line of its own code in the traceback."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(program) and frame.filename != __file__
    ]
    place = f" ({Path(frames[-1].filename).relative_to(program)}, line {frames[-1].lineno})" if frames else ""
    return f"the program failed: {type(error).__name__}: {' '.join(str(error).split())}{place}"


def _report_to(stream: TextIO) -> Report:
    lock = threading.Lock()

    def report(event: Mapping[str, Any]) -> None:
        with lock:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

    return report


def _end_with_caller() -> None:
    """Exit when the caller is gone; it holds standard input open."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


def main() -> None:
    gc.disable()  # this short process imports much: garbage collection would take a fifth of its time (measured)
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):  # the caller reads UTF-8, whatever the locale
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    reason = run(request, _report_to(results))
    sys.stdout.flush()
    if reason is not None:
        print(reason, file=sys.stderr, flush=True)
    os._exit(0 if reason is None else 1)  # do not wait for threads that are still creating something


if __name__ == "__main__":
    main()
