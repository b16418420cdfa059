"""An AWS provider for the real Pulumi engine that deploys to local AWS; the engine starts it as `pulumi-resource-aws`.

It serves Pulumi's provider protocol (pulumi/proto/pulumi/provider.proto) with the table in `resources`. It implements
the protocol itself, since the SDK's provider classes can neither read archives from the state, where the engine keeps
only their hashes, nor return values that are unknown in a preview (measured with SDK 3.272).

Standard output is one line, the port. Errors are returned to the engine, one line each and without secrets; nothing
else is written. The process ends when the engine is gone, since the engine cannot end it after being killed.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from batchbell_local.pulumi import endpoint_guard
from batchbell_local.pulumi.redaction import Redaction
from batchbell_local.pulumi.resources import (
    FUNCTIONS,
    TABLE,
    AwsRefusal,
    CheckFailure,
    Clients,
    InvalidInputs,
    ResourceType,
    aws_reason,
    preview,
    property_values,
)
from batchbell_local.pulumi.resources.drift import after_refresh

EXECUTABLE = "pulumi-resource-aws"
CALLS_AT_ONCE = 32
WATCH_INTERVAL = 0.2  # seconds between checks that the engine still exists
NO_LIMIT = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

_Kind = provider_pb2.PropertyDiff
IN_PLACE = (_Kind.ADD, _Kind.DELETE, _Kind.UPDATE)
REPLACING = (_Kind.ADD_REPLACE, _Kind.DELETE_REPLACE, _Kind.UPDATE_REPLACE)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves the engine. Its methods, named by the protocol, run in several threads at once."""

    def __init__(self, clients: Clients, redaction: Redaction) -> None:
        self._clients = clients
        self._redaction = redaction

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema='{"name": "aws"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        values = self._decode(request.news).values
        failures = list(endpoint_guard.check_provider(values, self._clients.region))
        if not self._clients.has_credentials:  # pulumi-aws, provider/config.go and errors/no_credentials.txt
            failures.append(CheckFailure("", "No valid credential sources found."))
        return provider_pb2.CheckResponse(inputs=request.news, failures=self._failures(failures))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = (self._decode(one).values for one in (request.old_inputs, request.news))
        changes = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        return _diff_response(changes, (), False, old, new)

    def Configure(self, request: Any, context: Any) -> Any:
        # Without acceptOutputs, outputs of other resources arrive as plain values.
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=True,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: Any, context: Any) -> Any:
        """An engine uses this process, which it did not start (PULUMI_DEBUG_PROVIDERS)."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        """Do nothing: the engine waits for operations in flight."""
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            if request.tok not in FUNCTIONS:
                raise AwsRefusal(f"{request.tok}: this function is not supported by local AWS")
            arguments = self._decode(request.args)
            result = FUNCTIONS[request.tok](arguments.values, self._clients)
            secret = frozenset(result) if arguments.secret else frozenset[str]()
            return provider_pb2.InvokeResponse(**{"return": property_values.encode(result, secret)})

    def Check(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            news = self._decode(request.news)
            olds = self._decode(request.olds).values or None
            name = request.urn.rpartition("::")[2]
            try:
                random, proposed = Random(request.randomSeed or None), request.autonaming.proposed_name
                checked = _type_of(request).check(name, olds, news.values, random, proposed)
            except InvalidInputs as invalid:
                return provider_pb2.CheckResponse(inputs=request.news, failures=self._failures(invalid.failures))
            return provider_pb2.CheckResponse(inputs=self._encode(checked, request.news))

    def Diff(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            old, new = (self._decode(one).values for one in (request.old_inputs, request.news))
            found = _type_of(request).diff(old, new)
            return _diff_response(found.changes, found.replaces, found.delete_before_replace, old, new)

    def Create(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            type_, inputs = _type_of(request), self._decode(request.properties).values
            if request.preview:
                id, outputs = "", preview.created(type_, inputs)
            else:
                id, outputs = type_.create(inputs, self._clients)
            return provider_pb2.CreateResponse(
                id=id, properties=self._encode(outputs, request.properties, type_.secret_outputs)
            )

    def Read(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            type_ = _type_of(request)
            found = type_.read(request.id, self._clients)
            if found is None:
                return provider_pb2.ReadResponse(id="")
            old_inputs, old_outputs = (self._decode(one).values for one in (request.inputs, request.properties))
            inputs = after_refresh(type_, old_inputs, found[0])
            outputs = after_refresh(type_, old_outputs, found[1])
            return provider_pb2.ReadResponse(
                id=request.id,
                inputs=self._encode(inputs, request.inputs),
                properties=self._encode(outputs, request.properties, type_.secret_outputs),
            )

    def Update(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            type_ = _type_of(request)
            old, new = (self._decode(one).values for one in (request.old_inputs, request.news))
            if request.preview:
                outputs = preview.updated(type_, self._decode(request.olds).values, old, new)
            else:
                outputs = type_.update(request.id, old, new, self._clients)
            return provider_pb2.UpdateResponse(properties=self._encode(outputs, request.news, type_.secret_outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        with self._aborting_on_error(context):
            old, outputs = (self._decode(one).values for one in (request.old_inputs, request.properties))
            _type_of(request).delete(request.id, outputs | old, self._clients)
            return empty_pb2.Empty()

    def _decode(self, struct: struct_pb2.Struct) -> property_values.Properties:
        self._redaction.learn(property_values.secret_texts(struct))
        return property_values.decode(struct)

    def _encode(
        self, values: Mapping[str, Any], given: struct_pb2.Struct, secret: frozenset[str] = frozenset()
    ) -> struct_pb2.Struct:
        """Encode values; those that `given` has are returned as they came, with their archives and secrets.

        Of the others, those with the name of a secret input, and those that contain a secret's text, are secrets.
        """
        repeating = {name for name, value in values.items() if self._redaction.finds_in(value)}
        return property_values.encode_as(values, given, secret | repeating)

    def _failures(self, failures: Iterable[CheckFailure]) -> list[Any]:
        return [
            provider_pb2.CheckFailure(property=one.property, reason=self._redaction.scrub(one.reason))
            for one in failures
        ]

    def _aborting_on_error(self, context: Any) -> _AbortingOnError:
        return _AbortingOnError(context, self._redaction)


class _AbortingOnError:
    """A context manager that returns every error inside to the engine as one clean line."""

    def __init__(self, context: Any, redaction: Redaction) -> None:
        self._context, self._redaction = context, redaction

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            self._abort(error)

    def _abort(self, error: Exception) -> NoReturn:
        reason = str(error) if isinstance(error, InvalidInputs) else aws_reason(error)
        if reason.startswith(type(error).__name__):  # a bug here, not a refusal
            place = traceback.extract_tb(error.__traceback__)[-1]
            reason += f" ({Path(place.filename).name}, line {place.lineno})"
        self._context.abort(grpc.StatusCode.UNKNOWN, self._redaction.scrub(reason))
        raise AssertionError("abort raises")


def _type_of(request: Any) -> ResourceType:
    token = request.urn.split("::")[2].rpartition("$")[2]
    if token not in TABLE:
        raise AwsRefusal(f"{token}: this resource type is not supported by local AWS")
    return TABLE[token]


def _diff_response(
    changes: Iterable[str], replaces: Iterable[str], delete_first: bool, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Any:
    """Build the response; `replaces` may hold paths inside a changed property ("computeResources.placementGroup")."""
    changed, replacing = sorted(changes), sorted(replaces)
    detailed = {}
    for path in {*changed, *replacing}:
        added, deleted, updated = REPLACING if path in replacing else IN_PLACE
        kind = added if _at(old, path) is None else deleted if _at(new, path) is None else updated
        detailed[path] = provider_pb2.PropertyDiff(kind=kind, inputDiff=True)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=changed,
        replaces=replacing,
        deleteBeforeReplace=delete_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _at(values: Any, path: str) -> Any:
    for step in path.split("."):
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def install(pulumi_home: Path) -> Path:
    """Put `pulumi-resource-aws` into the plugin cache, in place of the real plugin. Return its path.

    On PATH the engine would find it, too, but warn in every operation that it uses it from there.

    pulumi_home: the CLI's PULUMI_HOME. Not a user's own: the next deployment to AWS would take this for the plugin.
    """
    # -P: the engine runs it in the program's folder, which may have packages with the same names as those here.
    code = Path(__file__).resolve().parents[2]
    command = shlex.join([sys.executable, "-P", "-m", "batchbell_local.pulumi.provider"])
    path = pulumi_home / "plugins" / f"resource-aws-v{version('pulumi-aws')}" / EXECUTABLE
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(code))} exec {command} "$@"\n', "utf-8")
    path.chmod(0o755)
    return path


def _end_with(engine: int) -> None:
    while os.getppid() == engine:
        time.sleep(WATCH_INTERVAL)
    os._exit(1)


def main() -> None:
    engine = os.getppid()
    if refusal := endpoint_guard.check_endpoint(os.environ):
        sys.exit(refusal)
    threading.Thread(target=_end_with, args=(engine,), daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=NO_LIMIT)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(Clients(), Redaction()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # the engine ends its plugins by SIGINT
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
