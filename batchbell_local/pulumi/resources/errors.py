"""What can be wrong with a resource: its inputs (found before anything is made), or what AWS says to it."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class CheckFailure:
    """One input and why it is refused; `property` is a wire path such as "computeResources.maxVcpus"."""

    property: str
    reason: str

    def __str__(self) -> str:
        return f"{self.property}: {self.reason}"


class InvalidInputs(Exception):
    """A resource's inputs are refused; holds every failure found, not only the first."""

    def __init__(self, failures: list[CheckFailure]) -> None:
        super().__init__("; ".join(str(failure) for failure in failures))
        self.failures = tuple(failures)


class AwsRefusal(Exception):
    """AWS would refuse this, or did so in a form that is not an error of the API (a failed entry, a state)."""


def is_gone(error: Exception, *codes: str) -> bool:
    """Whether AWS's error says that the thing does not exist: its code is one of these."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in codes


def aws_reason(error: Exception) -> str:
    """AWS's refusal as one line: "Code: message"."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return " ".join(f"{details.get('Code', 'Error')}: {details.get('Message', '')}".split())
    if isinstance(error, BotoCoreError | AwsRefusal | ValueError | OSError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
