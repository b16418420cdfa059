"""Loads pulumi_aws's classes while the provider starts: both take half a second, and one waits for the other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import pulumi
import pulumi_aws as aws

SERVICES = ("cloudwatch", "dynamodb", "iam", "lambda_", "sqs")  # what every stack uses
ENVIRONMENT_SERVICES = ("batch", "ec2")  # what a stack with its own Batch environment uses


@contextlib.contextmanager
def loading_classes() -> Iterator[None]:
    """Load in a thread during the block, and return when all are loaded.

    pulumi_aws loads a service when a class of it is first used, and not in two threads at once: the block may use none
    of them, nor may what it waits for.
    """
    further = ENVIRONMENT_SERVICES if pulumi.Config().get("environment_name") else ()
    thread = threading.Thread(target=_load, args=[(*SERVICES, *further)], name="classes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load(services: Sequence[str]) -> None:
    for service in services:
        hasattr(getattr(aws, service), "loaded")  # any name will do
