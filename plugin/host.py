"""Serves the component to the Pulumi engine over gRPC. Every error is one of ours: no traceback, no value.

What the engine adds to an error that names a property is that property with its value, secrets included: so none does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pulumi
from google.protobuf import json_format
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2_grpc

from batchbell import __version__

from . import schema
from .component import make, outputs_of
from .inputs import read_inputs
from .spelling import in_camel_case

LOOK_EVERY = 0.5  # s
NO_LIMIT = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
_ROOT = Path(__file__).resolve().parents[1]


class ComponentProvider(Provider):
    """Offers ArrayJobNotifier."""

    def __init__(self) -> None:
        super().__init__(__version__, schema.schema_text())

    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        if resource_type != schema.COMPONENT:
            raise pulumi.RunError(f"batchbell has no resource {resource_type}, but {schema.COMPONENT}")
        notifier = make(name, inputs, options or pulumi.ResourceOptions())
        return ConstructResult(notifier.urn, outputs_of(notifier))


class Servicer(ProviderServicer):
    """Answers the engine."""

    async def Construct(self, request: Any, context: Any) -> Any:
        try:
            return await self._construct(request, context)
        except (Exception, SystemExit) as error:
            text = error_text(error)
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)

    @staticmethod
    async def _construct_inputs(inputs: Any, input_dependencies: Any) -> dict[str, Any]:
        dependencies = {name: one.urns for name, one in input_dependencies.items()}
        return read_inputs(json_format.MessageToDict(inputs), dependencies)


def error_text(error: BaseException) -> str:
    """What people see: an error of ours as it is, in the names that they know; of any other, where it was raised."""
    if isinstance(error, pulumi.RunError):
        return in_camel_case(str(error), schema.setting_names())
    frames = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(_ROOT)]
    where = f" in {Path(frames[-1].filename).relative_to(_ROOT)}, line {frames[-1].lineno}" if frames else ""
    return f"batchbell ended with {type(error).__name__}{where}; an error above may say why"


async def serve(engine: str) -> None:
    """Answer the engine at that address until it ends this process, or is gone itself."""
    started_by = os.getppid()
    server = grpc.aio.server(options=NO_LIMIT)
    servicer = Servicer(ComponentProvider(), [], engine_address=engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)  # the engine reads it
    while os.getppid() == started_by:
        await asyncio.sleep(LOOK_EVERY)
    await server.stop(None)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's: it ends this process when it has finished
    asyncio.run(serve(sys.argv[1]))
