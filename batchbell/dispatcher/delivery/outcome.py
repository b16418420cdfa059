"""The outcome of a message at one notifier: sent, temporary, permanent or unknown, also read from an error."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum

from batchbell.contract import Message, PermanentError, TemporaryError
from batchbell.dispatcher.manifest import Instance
from batchbell.texts import one_line

REASON_LIMIT = 300  # characters


class Result(StrEnum):
    """What became of a delivery."""

    SENT = "sent"
    ALREADY_SENT = "already-sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"  # it may have arrived


@dataclass(frozen=True)
class Outcome:
    """`due`: when to try again (epoch seconds), None: by the retry schedule.

    `counts`: whether it counts as an attempt. `wait`: seconds that the channel asked for.
    """

    result: Result
    reason: str = ""
    due: float | None = None
    counts: bool = False
    wait: float | None = None

    @property
    def is_final(self) -> bool:
        return self.result in (Result.SENT, Result.ALREADY_SENT)


@dataclass(frozen=True)
class Delivery:
    """One message for one notifier, with its history. Times are epoch seconds."""

    instance: Instance
    message: Message
    first_tried: float
    attempt: int = 0


@dataclass(frozen=True)
class SendAttempt:
    """One call of a notifier's `send`, for a message or a digest."""

    result: Result
    reason: str
    seconds: float


def not_now(reason: str, due: float | None = None) -> Outcome:
    """It was not tried: counts no attempt, due at once unless a time is given."""
    return Outcome(Result.TEMPORARY, reason, due=time.time() if due is None else due)


def unknown(reason: str, claim_ends: float) -> Outcome:
    """It may have arrived: due, as a possible repeat, once the claim has run out."""
    return Outcome(Result.UNKNOWN, reason, due=claim_ends + 1, counts=True)


def refusal(error: PermanentError | TemporaryError, claim_ends: float) -> Outcome:
    """From a notifier's error. A third party may have written it, so its fields may hold anything."""
    reason = one_line(str(getattr(error, "reason", type(error).__name__)), REASON_LIMIT)
    if isinstance(error, PermanentError):
        return Outcome(Result.PERMANENT, reason)
    if getattr(error, "maybe_delivered", False):
        return unknown(reason, claim_ends)
    wait = getattr(error, "retry_after", None)
    if isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0:
        return Outcome(Result.TEMPORARY, reason, due=time.time() + wait, wait=wait)
    return Outcome(Result.TEMPORARY, reason, counts=True)
