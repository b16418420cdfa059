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
LONGEST_WAIT = 86_400  # s


class Result(StrEnum):
    """What became of a delivery."""

    SENT = "sent"
    ALREADY_SENT = "already-sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"  # it may have arrived
    DROPPED = "dropped"  # nobody misses it: such as the last state of a live message that does not exist


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery, and what follows.

    due: when to try again (epoch seconds); None: by the retry schedule.
    counts: whether it counts as an attempt.
    wait: seconds that the channel asked for.
    maybe_delivered: a permanent refusal, but the message may have arrived all the same.
    every_message: the channel would refuse any other message, too.
    alone: next time the message is sent by itself, not in a digest.
    receipt: what the notifier's `send` gave back.
    """

    result: Result
    reason: str = ""
    due: float | None = None
    counts: bool = False
    wait: float | None = None
    maybe_delivered: bool = False
    every_message: bool = False
    alone: bool = False
    receipt: str = ""

    @property
    def is_final(self) -> bool:
        return self.result in (Result.SENT, Result.ALREADY_SENT, Result.DROPPED)

    @property
    def is_of_message(self) -> bool:
        """True if the channel surely refused the message for what is in it."""
        return self.result is Result.PERMANENT and not (self.every_message or self.maybe_delivered)


@dataclass(frozen=True)
class Delivery:
    """One message for one notifier, with its history. Times are epoch seconds."""

    instance: Instance
    message: Message
    first_tried: float
    attempt: int = 0
    alone: bool = False  # it is not sent in a digest


@dataclass(frozen=True)
class SendAttempt:
    """One call of a notifier's `send`, for a message or a digest."""

    result: Result
    reason: str
    seconds: float


def not_now(reason: str, due: float | None = None) -> Outcome:
    """It was not tried: counts no attempt, due at once unless a time is given."""
    return Outcome(Result.TEMPORARY, reason, due=time.time() if due is None else due)


def dropped(reason: str) -> Outcome:
    return Outcome(Result.DROPPED, reason)


def unknown(reason: str, claim_ends: float, wait: float | None = None) -> Outcome:
    """It may have arrived: due, as a possible repeat, once the claim has run out."""
    due = max(claim_ends + 1, time.time() + (wait or 0.0))
    return Outcome(Result.UNKNOWN, reason, due=due, counts=True, wait=wait)


def refusal(error: PermanentError | TemporaryError, claim_ends: float) -> Outcome:
    """From a notifier's error. A third party may have written it, so its fields may hold anything, or raise."""
    reason = one_line(str(getattr(error, "reason", type(error).__name__)), REASON_LIMIT)
    maybe_delivered = bool(getattr(error, "maybe_delivered", False))
    if isinstance(error, PermanentError):
        every_message = bool(getattr(error, "every_message", False))
        return Outcome(Result.PERMANENT, reason, maybe_delivered=maybe_delivered, every_message=every_message)
    wait = _seconds(getattr(error, "retry_after", None))
    if maybe_delivered:
        return unknown(reason, claim_ends, wait)
    if wait is None:
        return Outcome(Result.TEMPORARY, reason, counts=True)
    return Outcome(Result.TEMPORARY, reason, due=time.time() + wait, wait=wait)


def _seconds(wait: object) -> float | None:
    """Return what a channel may ask for: at most LONGEST_WAIT, which is longer than any message is retried."""
    if not isinstance(wait, int | float) or not 0 <= wait < math.inf:
        return None
    return float(min(wait, LONGEST_WAIT))
