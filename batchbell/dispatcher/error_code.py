"""The code of an error of AWS: what may be logged or shown of it, since its text repeats the request."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return AWS's code, or the type of an error of the SDK."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
