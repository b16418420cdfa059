"""The ways in which a channel can fail, and the error that a notifier must raise for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from batchbell.contract import PermanentError, TemporaryError


@dataclass(frozen=True)
class ExpectedError:
    """What `send` must raise during a fault.

    endpoint_does: what happens, as the rest of a sentence that begins with "the endpoint".
    raises: the allowed exceptions.
    maybe_delivered: the required attribute of a TemporaryError; None where either value is right.
    """

    endpoint_does: str
    raises: tuple[type[TemporaryError] | type[PermanentError], ...]
    maybe_delivered: bool | None = None


class Fault(Enum):
    """A kind of failure. A fake has one or more responses for each one that its channel can have."""

    BUSY = ExpectedError("is rate limiting, and may say for how long", (TemporaryError,), False)  # HTTP: 429
    BROKEN = ExpectedError("has an internal error", (TemporaryError,))  # HTTP: 5xx
    REFUSED = ExpectedError("refuses this message", (PermanentError,))  # HTTP: 400
    FORBIDDEN = ExpectedError("refuses this sender", (PermanentError,))  # HTTP: 401, 403
    GONE = ExpectedError("no longer exists", (PermanentError,))  # HTTP: 404, 410
    REDIRECTS = ExpectedError("redirects elsewhere", (PermanentError, TemporaryError))
    FALSE_SUCCESS = ExpectedError(
        "responds with success, but not with its own success body", (PermanentError, TemporaryError)
    )
    UNREACHABLE = ExpectedError("refuses the connection", (TemporaryError,), False)
    SILENT = ExpectedError("does not accept the connection", (TemporaryError,))
    RESETS = ExpectedError("resets the connection instead of responding", (TemporaryError,), True)
    HANGS = ExpectedError("takes the message and never responds", (TemporaryError,), True)
    DRIPS = ExpectedError("takes the message and responds a byte at a time, without end", (TemporaryError,), True)
