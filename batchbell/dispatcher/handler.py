"""The Lambda handler. It makes clients and notifiers once in a process."""

# ruff: noqa: E402

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

STARTS = "AWS_LAMBDA_FUNCTION_NAME" in os.environ  # Lambda imports this module, or local AWS does
if STARTS:
    # A start makes no garbage to speak of, and looking for it takes a twelfth of a cold start (measured).
    gc.disable()

from batchbell.aws_clients import LazyClient, make_client
from batchbell.dispatcher import manifest
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.messages.log_end import LogReader
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.preparation import prepare
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Timing
from batchbell.wire import MANIFEST, Variable


@cache
def dispatcher() -> Dispatcher:
    """Made from the environment and the manifest that the deploy wrote. Raises KeyError, OSError or ValueError."""
    environment = os.environ
    timing = Timing(float(environment[Variable.FUNCTION_TIMEOUT]))
    written = manifest.read_manifest(Path(environment["LAMBDA_TASK_ROOT"]) / MANIFEST)
    return Dispatcher(
        instances=written.instances,
        outbox=Outbox(
            LazyClient("sqs", read_timeout=timing.posting),
            environment[Variable.RETRY_QUEUE_URL],
            environment[Variable.DEAD_LETTER_QUEUE_URL],
        ),
        table=environment[Variable.LEDGER_TABLE],
        dynamodb=make_client("dynamodb", read_timeout=timing.call, attempts=2),
        batch=LazyClient("batch", read_timeout=timing.call),
        timing=timing,
        logs=LogReader(written.log_lines, partial(_logs_client, read_timeout=timing.call)),
        owner_tag=written.owner_tag,
        rerun_hint=written.rerun_hint,
        watching=written.watching,
        origin=Origin(environment.get(Variable.STACK, ""), environment["AWS_LAMBDA_FUNCTION_NAME"], written.zone),
    )


@cache
def _logs_client(region: str, read_timeout: float) -> Any:
    return make_client("logs", region, read_timeout=read_timeout)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Called by both event source mappings: takes SQS records, returns Lambda's partial batch response."""
    logger.append_keys(request=context.aws_request_id)
    return dispatcher().run(event["Records"], context.get_remaining_time_in_millis() / 1000)


if STARTS:
    # While Lambda starts the process, when it has a whole processor.
    prepare(dispatcher().instances)
    gc.freeze()  # what a start has made is never looked at again
    gc.enable()
