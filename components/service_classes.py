"""Loads pulumi_aws's classes while the provider starts: both take half a second, and one waits for the other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pulumi_aws as aws

SERVICES = ("cloudwatch", "dynamodb", "iam", "lambda_", "sqs")  # what every stack uses


@contextlib.contextmanager
def loading_classes() -> Iterator[None]:
    """Load in a thread during the block, and return when all are loaded.

    pulumi_aws loads a service when a class of it is first used, and not in two threads at once: the block may use none
    of them, nor may what it waits for.
    """
    thread = threading.Thread(target=_load, name="classes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load() -> None:
    for service in SERVICES:
        hasattr(getattr(aws, service), "loaded")  # any name will do
