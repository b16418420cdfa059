"""Runs one invocation: sends a message for each job and notifier, and posts a ticket or dead letter where that fails.

A record is deleted once each of its notifiers has the message, a ticket or a dead letter. `batchItemFailures` names
only records whose ticket or dead letter SQS refused, so that a record's receive count counts crashes alone.
"""

from __future__ import annotations

import queue
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from batchbell.dispatcher.delivery.announcement import announce
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.fan_out import NotifierReport, fan_out
from batchbell.dispatcher.delivery.health import Health
from batchbell.dispatcher.delivery.ledger import Ledger, LedgerDown, Undelivered
from batchbell.dispatcher.delivery.outbox import Outbox, OutboxEntry
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result
from batchbell.dispatcher.delivery.threads import run
from batchbell.dispatcher.delivery.worklist import Worklist
from batchbell.dispatcher.intake import Intake
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.dead_channel import DeadChannel, compose_dead_channel
from batchbell.dispatcher.messages.failures import LookUpBudget
from batchbell.dispatcher.messages.live_message import is_passing
from batchbell.dispatcher.messages.log_end import LogReader
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.records.receipt import was_held_up
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.takers import Takers
from batchbell.dispatcher.telemetry import logger, measure_late, measure_notifier, measure_oldest
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.wire import MessageKind

if TYPE_CHECKING:
    from batchbell.dispatcher.watch.sweeper import Sweeper
    from batchbell.dispatcher.watch.watching import Watching

Records = tuple[str, ...]  # the ids of those that may be deleted once an entry is posted


@dataclass(frozen=True)
class Dispatcher:
    """Lives as long as the process. Clients are boto3's."""

    instances: Sequence[Instance]
    outbox: Outbox
    table: str
    dynamodb: Any
    batch: Any
    timing: Timing
    origin: Origin = field(default_factory=Origin)
    logs: LogReader = field(default_factory=LogReader)
    owner_tag: str = ""
    rerun_hint: bool = True
    watching: Watching | None = None
    breakers: dict[str, Breaker] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.breakers.update((instance.name, Breaker(self.timing)) for instance in self.instances)

    def run(self, records: Sequence[Mapping[str, Any]], seconds_left: float) -> dict[str, Any]:
        """Deliver what the records ask for, and return Lambda's partial batch response.

        records: SQS's.
        seconds_left: until Lambda ends the invocation.
        """
        ends, began = Deadline.after(seconds_left - self.timing.reserve), time.time()
        until = time.time() + seconds_left + self.timing.lease_margin
        ledger = Ledger(self.dynamodb, self.table, uuid.uuid4().hex, until)
        budget = LookUpBudget(Deadline.after(min(self.timing.look_ups, ends.left)))
        sweeper = partial(self._sweeper, self.watching) if self.watching is not None else None
        intake = Intake(
            self.instances, self.batch, self.timing, self.origin, self.logs, self.owner_tag, sweeper, self.rerun_hint
        )
        accepted = intake.accept(records, budget)
        sends = Deadline.after(min(self.timing.sends, ends.left - self.timing.wrap_up))
        sent = fan_out(accepted.work.by_notifier(), ledger, self.timing, self.breakers, sends)
        live, dead = self._undelivered(accepted.work, sent, ledger)
        waiting = [*accepted.early.values(), *live]
        self._measure_waiting([ticket for ticket, _ in waiting], sum(was_held_up(one, began) for one in records))
        entries = [*accepted.dead, *dead, *self._tickets(waiting)]
        stay = self.outbox.post(entries, Deadline(ends.at + self.timing.last_moments))
        for record_id, reason in stay.items():
            logger.error("SQS refused the ticket or dead letter: the record stays", record=record_id, reason=reason)
        self._look_after_channels(sent, ends)
        return {"batchItemFailures": [{"itemIdentifier": record_id} for record_id in sorted(stay)]}

    def _sweeper(self, watching: Watching) -> Sweeper:
        # Only a stack that watches running jobs needs these modules, and a cold start without them is shorter.
        from batchbell.dispatcher.watch.rows import Rows
        from batchbell.dispatcher.watch.sweeper import Sweeper

        takers = Takers(self.instances, self.owner_tag)
        return Sweeper(
            watching, takers, self.batch, Rows(self.dynamodb, self.table), self.timing, self.origin, self.logs
        )

    def _undelivered(
        self, work: Worklist, sent: Mapping[str, NotifierReport], ledger: Ledger
    ) -> tuple[Sequence[tuple[Ticket, Records]], Sequence[OutboxEntry]]:
        """Return tickets for what may work later, and the dead letters.

        An undelivered test only gets its row in the ledger.
        """
        live, dead = [], []
        for delivery, records, outcome in work.settle({name: one.outcomes for name, one in sent.items()}):
            _log(delivery, outcome)
            if outcome.is_final or is_passing(delivery.message):  # the next sweep shows a later state
                continue
            if delivery.message.kind == MessageKind.TEST:
                _note_test(delivery, outcome, ledger)
                continue
            ticket, now = self._ticket(delivery, outcome), time.time()
            if outcome.result is Result.PERMANENT or now >= self.timing.expiry(delivery.first_tried):
                logger.error(
                    "dead letter", notifier=ticket.notifier, message_key=ticket.message.key, reason=outcome.reason
                )
                dead.append(OutboxEntry(replace(ticket, died=now).to_body(), records))
            else:
                live.append((ticket, records))
        return live, dead

    def _ticket(self, delivery: Delivery, outcome: Outcome) -> Ticket:
        due = outcome.due if outcome.due is not None else time.time() + self.timing.retry_delay(delivery.attempt)
        return Ticket(
            delivery.message,
            delivery.instance.name,
            outcome.reason,
            delivery.first_tried,
            delivery.attempt + outcome.counts,
            min(due, self.timing.expiry(delivery.first_tried)),
            delivery.alone or outcome.alone,
        )

    def _tickets(self, tickets: Sequence[tuple[Ticket, Records]]) -> Sequence[OutboxEntry]:
        now = time.time()
        return [
            OutboxEntry(ticket.to_body(), records, self.timing.ticket_delay(ticket.not_before, now))
            for ticket, records in tickets
        ]

    def _measure_waiting(self, tickets: Sequence[Ticket], held_up: int) -> None:
        """Measure how old the oldest is, and how much is late.

        held_up: number of records that the function should have had before
        """
        now = time.time()
        ages = [now - ticket.first_tried for ticket in tickets]
        if ages:
            measure_oldest(max(ages))
        if held_up:
            logger.warning("records were held up: throttled, or an earlier invocation failed", number=held_up)
        if late := held_up + sum(age > self.timing.late_after for age in ages):
            measure_late(late)

    def _look_after_channels(self, sent: Mapping[str, NotifierReport], deadline: Deadline) -> None:
        """Log what each notifier sent, and announce dead channels. No error here may cost a message."""
        for name, one in sent.items():
            # Not the words of the lines about single messages: whoever searches the log for those finds only them.
            counts = Counter(outcome.result.name.title().replace("_", "") for outcome in one.outcomes)
            measure_notifier(name, counts, [attempt.seconds for attempt in one.attempts])
        health = Health(self.dynamodb, self.table, self.timing)
        dead: queue.SimpleQueue[DeadChannel] = queue.SimpleQueue()
        run([partial(health.note, name, one.attempts, dead.put) for name, one in sent.items() if one.failing], deadline)
        found = [dead.get() for _ in range(dead.qsize())]
        warnings = {one.notifier: compose_dead_channel(one, self.origin) for one in found}
        announce(warnings, self.instances, self.breakers, deadline)


def _note_test(delivery: Delivery, outcome: Outcome, ledger: Ledger) -> None:
    """An operator is waiting: an answer now is better than a message in four hours."""
    name, key = delivery.instance.name, delivery.message.key
    try:
        ledger.note(key, name, Undelivered(outcome.result.value, outcome.reason))
    except LedgerDown as down:
        logger.error("the ledger could not be written", notifier=name, message_keys=[key], reason=str(down))


def _log(delivery: Delivery, outcome: Outcome) -> None:
    level = logger.info if outcome.is_final or is_passing(delivery.message) else logger.warning
    level(
        "outcome",
        notifier=delivery.instance.name,
        job=delivery.message.job_name,
        message_key=delivery.message.key,
        result=outcome.result.value,
        attempt=delivery.attempt + 1,
        reason=outcome.reason,
    )
