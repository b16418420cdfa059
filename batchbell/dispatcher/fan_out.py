"""Hands each notifier its messages, all notifiers at the same time, each message behind the ledger.

The slowest notifier sets the time, not the sum, and the wall clock bounds the slowest: threads are daemons that are
not joined past the deadline. What a thread still sends then is *unknown*, and its late commit counts only if its token
still holds.
"""

from __future__ import annotations

import math
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
from batchbell.texts import one_line

MAY_BE_A_REPEAT = "This may be a repeat: an earlier attempt got no answer."
REASON_LIMIT = 300  # characters


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
    """What the notifier's thread reports, until nobody listens any more. Numbers are places in its list."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    sending: int | None = None  # claimed, and not yet answered for
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin_to_send(self, number: int) -> bool:
        """Only while somebody listens may a thread send what it has claimed."""
        with self.lock:
            if not self.closed:
                self.sending = number
            return not self.closed

    def report(self, number: int, outcome: Outcome) -> None:
        with self.lock:
            if not self.closed:
                self.sending = None
                self.outcomes[number] = outcome

    def close(self) -> None:
        with self.lock:
            self.closed = True


def fan_out(
    deliveries: Mapping[str, Sequence[Delivery]], ledger: Ledger, timing: Timing, deadline: Deadline
) -> Mapping[str, Sequence[Outcome]]:
    """Send each notifier's deliveries, by the instance's name; the outcomes come back in the same order."""
    progress = {name: _Progress() for name in deliveries}
    _run([(_work, (todo, progress[name], ledger, timing, deadline)) for name, todo in deliveries.items()], deadline)
    for one in progress.values():
        one.close()
    _settle_unanswered(deliveries, progress, ledger, Deadline.after(timing.late_marks))
    not_begun = Outcome(Result.TEMPORARY, "no time left in this invocation", due=time.time())
    return {
        name: [progress[name].outcomes.get(number, not_begun) for number in range(len(todo))]
        for name, todo in deliveries.items()
    }


def _run(calls: Sequence[tuple[object, tuple[object, ...]]], deadline: Deadline) -> None:
    threads = [threading.Thread(target=call, args=arguments, daemon=True) for call, arguments in calls]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.left)


def _settle_unanswered(
    deliveries: Mapping[str, Sequence[Delivery]],
    progress: Mapping[str, _Progress],
    ledger: Ledger,
    deadline: Deadline,
) -> None:
    """What is still being sent is unknown. If the ledger does not learn it in time, the claim runs out by itself."""
    unknown = Outcome(Result.UNKNOWN, "no answer in time", due=ledger.until + 1, counts=True)
    marks: list[tuple[object, tuple[object, ...]]] = []
    for name, one in progress.items():
        if one.sending is not None:
            one.outcomes[one.sending] = unknown
            marks.append((_settle, (deliveries[name][one.sending], unknown, ledger)))
    _run(marks, deadline)


def _work(todo: Sequence[Delivery], progress: _Progress, ledger: Ledger, timing: Timing, deadline: Deadline) -> None:
    for number, delivery in enumerate(todo):
        if deadline.passed:
            return
        try:
            outcome = _deliver(number, delivery, progress, ledger, timing)
        except Exception as error:
            # Nothing that goes wrong here may take the notifier's other messages with it, or show a secret.
            outcome = _unknown(f"the delivery raised {type(error).__name__}", ledger)
        progress.report(number, outcome)


def _deliver(number: int, delivery: Delivery, progress: _Progress, ledger: Ledger, timing: Timing) -> Outcome:
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
    if progress.begin_to_send(number):
        outcome = _send(delivery.instance, message, ledger)
    else:
        outcome = Outcome(Result.TEMPORARY, "no time left in this invocation", due=time.time())
    _settle(delivery, outcome, ledger)
    return outcome


def _send(instance: Instance, message: Message, ledger: Ledger) -> Outcome:
    if time.time() >= ledger.until:
        # Lambda froze this thread and resumed it in a later invocation: the row may be another's by now.
        return Outcome(Result.TEMPORARY, "the claim ran out before the message was sent")
    try:
        instance.notifier.send(message)
    except (PermanentError, TemporaryError) as error:
        return _refusal(error, ledger)
    except Exception as error:
        # A notifier's bug must not hide another notifier's message; its text may hold a secret.
        return _unknown(f"the notifier raised {type(error).__name__}", ledger)
    return Outcome(Result.SENT)


def _refusal(error: PermanentError | TemporaryError, ledger: Ledger) -> Outcome:
    """From what a notifier raised, which may be of somebody else's making and hold anything."""
    reason = one_line(str(getattr(error, "reason", type(error).__name__)), REASON_LIMIT)
    if isinstance(error, PermanentError):
        return Outcome(Result.PERMANENT, reason)
    if getattr(error, "maybe_delivered", False):
        return _unknown(reason, ledger)
    wait = getattr(error, "retry_after", None)
    if isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0:
        return Outcome(Result.TEMPORARY, reason, due=time.time() + wait)
    return Outcome(Result.TEMPORARY, reason, counts=True)


def _unknown(reason: str, ledger: Ledger) -> Outcome:
    return Outcome(Result.UNKNOWN, reason, due=ledger.until + 1, counts=True)


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
