"""One invocation: records in, one message a job and notifier out, and a ticket or dead letter for what was not sent.

A record is deleted once each of its notifiers was sent the message, has a ticket or a dead letter. `batchItemFailures`
names only records whose letter SQS did not take, so that a record's receive count counts crashes alone.
"""

from __future__ import annotations

import queue
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from batchbell.dispatcher.delivery.announcement import announce
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.fan_out import Sent, fan_out, run
from batchbell.dispatcher.delivery.health import DeadChannel, Health
from batchbell.dispatcher.delivery.ledger import Ledger, LedgerDown, Verdict
from batchbell.dispatcher.delivery.outbox import Letter, Outbox
from batchbell.dispatcher.delivery.outcome import Delivery, Outcome, Result
from batchbell.dispatcher.delivery.worklist import Worklist
from batchbell.dispatcher.intake import Intake
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.failures import LookUpBudget
from batchbell.dispatcher.messages.origin import Home
from batchbell.dispatcher.records import self_test as trial
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.telemetry import logger, measure_notifier, measure_oldest
from batchbell.dispatcher.timing import Deadline, Timing


@dataclass(frozen=True)
class Dispatcher:
    """What lives as long as the process. Clients are boto3's."""

    instances: Sequence[Instance]
    outbox: Outbox
    table: str
    dynamodb: Any
    batch: Any
    timing: Timing
    home: Home = field(default_factory=Home)
    breakers: dict[str, Breaker] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.breakers.update((instance.name, Breaker(self.timing)) for instance in self.instances)

    def run(self, records: Sequence[Mapping[str, Any]], seconds_left: float) -> dict[str, Any]:
        """`records`: SQS's; `seconds_left`: until Lambda ends the invocation. Gives the partial batch response."""
        ends = Deadline.after(seconds_left - self.timing.reserve)
        until = time.time() + seconds_left + self.timing.lease_margin
        ledger = Ledger(self.dynamodb, self.table, uuid.uuid4().hex, until)
        budget = LookUpBudget(Deadline.after(min(self.timing.look_ups, ends.left)))
        intake = Intake(self.instances, self.batch, self.timing, budget, self.home)
        intake.take(records)
        sends = Deadline.after(min(self.timing.sends, ends.left - self.timing.wrap_up))
        sent = fan_out(intake.work.by_notifier(), ledger, self.timing, self.breakers, sends)
        stay = self.outbox.post([*intake.letters, *self._letters(intake.work, sent, ledger)], ends)
        for record_id, reason in stay.items():
            logger.error("SQS did not take its letter: the record stays", record=record_id, reason=reason)
        self._look_after_channels(sent, ends)
        return {"batchItemFailures": [{"itemIdentifier": record_id} for record_id in sorted(stay)]}

    def _letters(self, work: Worklist, sent: Mapping[str, Sent], ledger: Ledger) -> Sequence[Letter]:
        """A ticket or a dead letter for each delivery that was not made; but of a test only its row in the ledger."""
        letters = []
        oldest = None
        for delivery, records, outcome in work.settle({name: one.outcomes for name, one in sent.items()}):
            _log(delivery, outcome)
            if not outcome.is_final and delivery.message.kind == trial.KIND:
                _note(delivery, outcome, ledger)
            elif not outcome.is_final:
                letters.append(self._letter(delivery, records, outcome))
                oldest = min(oldest or delivery.first_tried, delivery.first_tried)
        if oldest is not None:
            measure_oldest(time.time() - oldest)
        return letters

    def _letter(self, delivery: Delivery, records: tuple[str, ...], outcome: Outcome) -> Letter:
        """A ticket for what may work later, a dead letter for what will not."""
        now = time.time()
        name, attempt = delivery.instance.name, delivery.attempt + outcome.counts
        ticket = Ticket(delivery.message, name, outcome.reason, delivery.first_tried, attempt)
        if outcome.result is Result.PERMANENT or now - delivery.first_tried > self.timing.ticket_lifetime:
            logger.error("dead letter", notifier=name, message_key=delivery.message.key, reason=outcome.reason)
            return Letter(replace(ticket, died=now).to_body(), records)
        due = outcome.due if outcome.due is not None else now + self.timing.retry_delay(delivery.attempt)
        return Letter(replace(ticket, not_before=due).to_body(), records, self.timing.ticket_delay(due, now))

    def _look_after_channels(self, sent: Mapping[str, Sent], deadline: Deadline) -> None:
        """Metrics of each notifier; what is dead is announced. Nothing of it may cost a message or the time."""
        for name, one in sent.items():
            counts = Counter(outcome.result.name.title().replace("_", "") for outcome in one.outcomes)
            measure_notifier(name, counts, [attempt.seconds for attempt in one.attempts])
        health = Health(self.dynamodb, self.table, self.timing)
        dead: queue.SimpleQueue[DeadChannel] = queue.SimpleQueue()
        run([partial(health.note, name, one.attempts, dead.put) for name, one in sent.items() if one.failing], deadline)
        announce([dead.get() for _ in range(dead.qsize())], self.home, self.instances, self.breakers, deadline)


def _note(delivery: Delivery, outcome: Outcome, ledger: Ledger) -> None:
    """Somebody waits for it: an answer now serves better than a message in four hours."""
    name, key = delivery.instance.name, delivery.message.key
    try:
        ledger.note(key, name, Verdict(outcome.result.value, outcome.reason))
    except LedgerDown as down:
        logger.error("the ledger could not be written", notifier=name, message_keys=[key], reason=str(down))


def _log(delivery: Delivery, outcome: Outcome) -> None:
    level = logger.info if outcome.is_final else logger.warning
    level(
        "outcome",
        notifier=delivery.instance.name,
        job=delivery.message.job_name,
        message_key=delivery.message.key,
        result=outcome.result.value,
        attempt=delivery.attempt + 1,
        reason=outcome.reason,
    )
