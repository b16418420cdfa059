"""What can go wrong at an endpoint, and what a notifier must say of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from batchbell.contract import PermanentError, TemporaryError

Refusal = type[TemporaryError] | type[PermanentError]


@dataclass(frozen=True)
class Meaning:
    """What the endpoint does, and what `send` raises then: one of `raises`. `maybe_delivered`: what a TemporaryError
    says of that; None where either is right."""

    what: str
    raises: tuple[Refusal, ...]
    maybe_delivered: bool | None = None


class Fault(Enum):
    """A kind of trouble. A fake of an endpoint has one or more answers for each that its real one can have."""

    BUSY = Meaning("takes no more for now, and may say for how long", (TemporaryError,), False)  # HTTP: 429
    BROKEN = Meaning("has trouble of its own", (TemporaryError,))  # HTTP: 5xx
    REFUSED = Meaning("does not take this message", (PermanentError,))  # HTTP: 400
    FORBIDDEN = Meaning("does not take it from this sender", (PermanentError,))  # HTTP: 401, 403
    GONE = Meaning("is not there any more", (PermanentError,))  # HTTP: 404, 410
    REDIRECTS = Meaning("points elsewhere", (PermanentError, TemporaryError))
    STRANGE = Meaning("accepts, but not in the words that it always uses", (PermanentError, TemporaryError))
    UNREACHABLE = Meaning("refuses the connection", (TemporaryError,), False)
    SILENT = Meaning("does not even take the connection", (TemporaryError,))
    RESETS = Meaning("ends the connection instead of its answer", (TemporaryError,), True)
    HANGS = Meaning("takes the message and never answers", (TemporaryError,), True)
    DRIPS = Meaning("takes the message and answers a byte at a time, without end", (TemporaryError,), True)
