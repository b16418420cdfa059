"""Runs all notifiers at the same time, each in a thread, each message behind the ledger.

The slowest notifier sets the time, and the deadline bounds it: threads are daemons that are not joined past it. What a
thread is still sending then is *unknown*, and its late commit counts only if it still holds the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.ledger import Ledger
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result, SendAttempt, not_now, unknown
from batchbell.dispatcher.delivery.sender import Sender
from batchbell.dispatcher.delivery.sending import NO_TIME
from batchbell.dispatcher.delivery.threads import run
from batchbell.dispatcher.timing import Deadline, Timing


@dataclass(frozen=True)
class NotifierReport:
    """The outcomes of one notifier's deliveries, in their order, and the attempts that were made."""

    outcomes: Sequence[Outcome]
    attempts: Sequence[SendAttempt]

    @property
    def failing(self) -> bool:
        """True if the last attempt failed."""
        return bool(self.attempts) and self.attempts[-1].result is not Result.SENT


def fan_out(
    deliveries: Mapping[str, Sequence[Delivery]],
    ledger: Ledger,
    timing: Timing,
    breakers: Mapping[str, Breaker],
    deadline: Deadline,
) -> Mapping[str, NotifierReport]:
    """Send each notifier's deliveries. All mappings have the instances' names as keys."""
    senders = {
        name: Sender(todo[0].instance, todo, ledger, timing, breakers[name], deadline)
        for name, todo in deliveries.items()
        if todo
    }
    run([sender.work for sender in senders.values()], deadline)
    # What is still being sent is unknown. If that does not reach the ledger in time, the claim runs out by itself.
    no_answer = unknown("no answer in time", ledger.until)
    marks: list[Callable[[], None]] = []
    for sender in senders.values():
        if claims := sender.progress.close(no_answer):
            sender.breaker.record(sender.progress.attempts[-1])
            sender.breaker.abandoned.append(sender.thread)
            marks.append(partial(sender.settle, claims, no_answer))
    run(marks, Deadline.after(timing.unknown_marks))
    not_begun = not_now(NO_TIME)
    return {
        name: NotifierReport(
            [sender.progress.outcomes.get(number, not_begun) for number in range(len(sender.todo))],
            sender.progress.attempts,
        )
        for name, sender in senders.items()
    }
