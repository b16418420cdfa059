"""What became of a message at one notifier, and what an attempt's error means: sent, temporary, permanent, unknown."""

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
    SENT = "sent"
    ALREADY_SENT = "already-sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"  # it may have arrived


@dataclass(frozen=True)
class Outcome:
    """`due` (epoch seconds): when to try again, or None for the schedule's own time; `counts`: as an attempt;
    `wait`: seconds that the channel asked for."""

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
class Attempt:
    """One call of a notifier's `send`, be it for one message or for a digest of many."""

    result: Result
    reason: str
    seconds: float


def not_now(reason: str, due: float | None = None) -> Outcome:
    """It was not tried: a ticket that counts no attempt, due at once unless a time is given."""
    return Outcome(Result.TEMPORARY, reason, due=time.time() if due is None else due)


def unknown(reason: str, claim_ends: float) -> Outcome:
    """It may have arrived: tried again, as a possible repeat, once the claim (until `claim_ends`) is over."""
    return Outcome(Result.UNKNOWN, reason, due=claim_ends + 1, counts=True)


def refusal(error: PermanentError | TemporaryError, claim_ends: float) -> Outcome:
    """From what a notifier raised, which may be of somebody else's making and hold anything."""
    reason = one_line(str(getattr(error, "reason", type(error).__name__)), REASON_LIMIT)
    if isinstance(error, PermanentError):
        return Outcome(Result.PERMANENT, reason)
    if getattr(error, "maybe_delivered", False):
        return unknown(reason, claim_ends)
    wait = getattr(error, "retry_after", None)
    if isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0:
        return Outcome(Result.TEMPORARY, reason, due=time.time() + wait, wait=wait)
    return Outcome(Result.TEMPORARY, reason, counts=True)
