"""Errors of resources: inputs that fail a check before anything is created, and AWS's refusals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class CheckFailure:
    """One input that fails a check, and why; `property` is a path such as "computeResources.maxVcpus"."""

    property: str
    reason: str

    def __str__(self) -> str:
        return f"{self.property}: {self.reason}"


class InvalidInputs(Exception):
    """A resource's inputs fail their checks; holds every failure, not only the first."""

    def __init__(self, failures: list[CheckFailure]) -> None:
        super().__init__("; ".join(str(failure) for failure in failures))
        self.failures = tuple(failures)


class AwsRefusal(Exception):
    """AWS would refuse this, or refused it other than by an API error (by a failed entry or a state)."""


@contextlib.contextmanager
def suppress_gone(*codes: str) -> Iterator[None]:
    """Suppress AWS's errors with these codes, which mean that the resource does not exist."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def aws_reason(error: Exception) -> str:
    """An error as one line; AWS's as "Code: message"."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return " ".join(f"{details.get('Code', 'Error')}: {details.get('Message', '')}".split())
    if isinstance(error, BotoCoreError | AwsRefusal | ValueError | OSError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
