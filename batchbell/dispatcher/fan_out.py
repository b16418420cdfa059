"""Hands each notifier its messages, all notifiers at the same time, each message behind the ledger.

The slowest notifier sets the time, not the sum, and the wall clock bounds the slowest: threads are daemons that are
not joined past the deadline. What a thread still does then is *unknown*, and its late commit counts only if its token
still holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from batchbell.contract import Message, PermanentError, TemporaryError
from batchbell.dispatcher.ledger import AlreadySent, Held, Ledger, LedgerDown
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline, Timing

MAY_BE_A_REPEAT = "This may be a repeat: an earlier attempt got no answer."


class Result(StrEnum):
    """What became of one message at one notifier."""

    SENT = "sent"
    ALREADY_SENT = "already-sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"  # it may have arrived


@dataclass(frozen=True)
class Outcome:
    """`due` (epoch seconds): when to try again, or None for the schedule's own time; `counts`: as an attempt."""

    result: Result
    reason: str = ""
    due: float | None = None
    counts: bool = False

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


@dataclass
class _Progress:
    """What the notifier's thread reports; closed when nobody listens any more."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    sending: int | None = None  # the delivery that is claimed and not yet answered for
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, number: int) -> bool:
        """Only while somebody listens may a thread start to send."""
        with self.lock:
            self.sending = number
            return not self.closed

    def report(self, number: int, outcome: Outcome) -> None:
        with self.lock:
            self.sending = None
            if not self.closed:
                self.outcomes[number] = outcome

    def close(self) -> None:
        with self.lock:
            self.closed = True


def fan_out(
    deliveries: Mapping[str, Sequence[Delivery]], ledger: Ledger, timing: Timing, deadline: Deadline
) -> Mapping[str, Sequence[Outcome]]:
    """Send each notifier's deliveries, by the instance's name; the outcomes come back in the same order."""
    progress = {name: _Progress() for name in deliveries}
    threads = [
        threading.Thread(target=_work, args=(todo, progress[name], ledger, timing, deadline), daemon=True)
        for name, todo in deliveries.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.left)
    return {name: _collect(todo, progress[name], ledger) for name, todo in deliveries.items()}


def _collect(todo: Sequence[Delivery], progress: _Progress, ledger: Ledger) -> Sequence[Outcome]:
    progress.close()
    if progress.sending is not None:
        unknown = Outcome(Result.UNKNOWN, "no answer in time", due=ledger.until + 1, counts=True)
        _settle(todo[progress.sending], unknown, ledger)
        progress.outcomes[progress.sending] = unknown
    not_begun = Outcome(Result.TEMPORARY, "no time left in this invocation", due=time.time())
    return [progress.outcomes.get(number, not_begun) for number in range(len(todo))]


def _work(todo: Sequence[Delivery], progress: _Progress, ledger: Ledger, timing: Timing, deadline: Deadline) -> None:
    for number, delivery in enumerate(todo):
        if deadline.passed or not progress.begin(number):
            return
        progress.report(number, _deliver(delivery, ledger, timing))


def _deliver(delivery: Delivery, ledger: Ledger, timing: Timing) -> Outcome:
    key, name = delivery.message.key, delivery.instance.name
    try:
        claim = ledger.claim(key, name)
    except LedgerDown as down:
        pause = time.time() + timing.ledger_pause
        return Outcome(Result.TEMPORARY, f"the ledger could not be written: {down}", due=pause)
    if isinstance(claim, AlreadySent):
        return Outcome(Result.ALREADY_SENT)
    if isinstance(claim, Held):
        return Outcome(Result.TEMPORARY, "another invocation is sending it", due=claim.until + 1)
    message = delivery.message.with_note(MAY_BE_A_REPEAT) if claim.maybe_delivered else delivery.message
    outcome = _send(delivery.instance, message, ledger)
    _settle(delivery, outcome, ledger)
    return outcome


def _send(instance: Instance, message: Message, ledger: Ledger) -> Outcome:
    if time.time() >= ledger.until:
        # Lambda froze this thread and resumed it in a later invocation: the row may be another's by now.
        return Outcome(Result.TEMPORARY, "the claim ran out before the message was sent")
    try:
        instance.notifier.send(message)
    except PermanentError as error:
        return Outcome(Result.PERMANENT, error.reason)
    except TemporaryError as error:
        if error.maybe_delivered:
            return Outcome(Result.UNKNOWN, error.reason, due=ledger.until + 1, counts=True)
        if error.retry_after is not None:
            return Outcome(Result.TEMPORARY, error.reason, due=time.time() + error.retry_after)
        return Outcome(Result.TEMPORARY, error.reason, counts=True)
    except Exception as error:
        # A notifier's bug must not hide another notifier's message; its text may hold a secret.
        reason = f"the notifier raised {type(error).__name__}"
        return Outcome(Result.UNKNOWN, reason, due=ledger.until + 1, counts=True)
    return Outcome(Result.SENT)


def _settle(delivery: Delivery, outcome: Outcome, ledger: Ledger) -> None:
    """Write the outcome down. Where that fails, the claim runs out by itself, and a repeat says that it may be one."""
    key, name = delivery.message.key, delivery.instance.name
    try:
        if outcome.result is Result.SENT:
            held = ledger.commit(key, name)
        elif outcome.result is Result.UNKNOWN:
            held = ledger.mark_unknown(key, name)
        else:
            held = ledger.release(key, name)
        if not held:
            logger.warning("the claim had run out", notifier=name, message_key=key, result=outcome.result.value)
    except LedgerDown as down:
        logger.error("the ledger could not be written", notifier=name, message_key=key, reason=str(down))
