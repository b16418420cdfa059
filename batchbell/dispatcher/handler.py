"""AWS Lambda's entry, and what it makes once in a process: clients and notifiers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from batchbell.aws_clients import LazyClient, make_client
from batchbell.dispatcher import manifest
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.messages.origin import Home
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Timing


@cache
def dispatcher() -> Dispatcher:
    """From the environment and the manifest that the deploy wrote. Raises KeyError, OSError or ValueError without."""
    environment = os.environ
    timing = Timing(float(environment["BATCHBELL_FUNCTION_TIMEOUT"]))
    written = manifest.read_manifest(Path(environment["LAMBDA_TASK_ROOT"]) / "manifest.json")
    return Dispatcher(
        instances=written.instances,
        outbox=Outbox(
            LazyClient("sqs", read_timeout=timing.call, attempts=2),
            environment["BATCHBELL_RETRY_QUEUE_URL"],
            environment["BATCHBELL_DEAD_LETTER_QUEUE_URL"],
        ),
        table=environment["BATCHBELL_LEDGER_TABLE"],
        dynamodb=make_client("dynamodb", read_timeout=timing.call, attempts=2),
        batch=LazyClient("batch", read_timeout=timing.call),
        timing=timing,
        home=Home(environment.get("BATCHBELL_STACK", ""), environment["AWS_LAMBDA_FUNCTION_NAME"], written.zone),
    )


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """For both event source mappings: SQS records in, Lambda's partial batch response out."""
    logger.append_keys(request=context.aws_request_id)
    return dispatcher().run(event["Records"], context.get_remaining_time_in_millis() / 1000)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    dispatcher()  # while Lambda starts the process, where it has a whole processor
