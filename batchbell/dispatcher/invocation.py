"""One invocation: records in, one message a job and notifier out, and a ticket or dead letter for what was not sent.

A record is deleted once each of its notifiers was sent the message, has a ticket or a dead letter. `batchItemFailures`
names only records whose letter SQS did not take, so that a record's receive count counts crashes alone.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchbell.dispatcher import manifest
from batchbell.dispatcher.compose import compose
from batchbell.dispatcher.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.fan_out import Delivery, Outcome, Result, fan_out
from batchbell.dispatcher.job import Job
from batchbell.dispatcher.ledger import Ledger
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.outbox import Letter, Outbox
from batchbell.dispatcher.records import UnreadableRecord, read_record
from batchbell.dispatcher.telemetry import count, logger
from batchbell.dispatcher.tickets import Ticket
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.dispatcher.worklist import Worklist
from batchbell.texts import tidy


@dataclass(frozen=True)
class Dispatcher:
    """What lives as long as the process. Clients are boto3's."""

    instances: Sequence[Instance]
    outbox: Outbox
    table: str
    dynamodb: Any
    batch: Any
    timing: Timing

    def run(self, records: Sequence[Mapping[str, Any]], seconds_left: float) -> dict[str, Any]:
        """`records`: SQS's; `seconds_left`: until Lambda ends the invocation. Gives the partial batch response."""
        ends = Deadline.after(seconds_left - self.timing.reserve)
        until = time.time() + seconds_left + self.timing.lease_margin
        ledger = Ledger(self.dynamodb, self.table, uuid.uuid4().hex, until)
        budget = LookUpBudget(Deadline.after(min(self.timing.look_ups, ends.left)))
        work = Worklist()
        letters: list[Letter] = []
        for record in records:
            self._read(record["messageId"], record["body"], work, letters, budget)
        sends = Deadline.after(min(self.timing.sends, ends.left - self.timing.wrap_up))
        outcomes = fan_out(work.by_notifier(), ledger, self.timing, sends)
        for delivery, ids, outcome in work.settle(outcomes):
            _log(delivery, outcome)
            if not outcome.is_final:
                letters.append(self._letter(delivery, ids, outcome))
        for name, results in outcomes.items():
            _count(name, results)
        stay = self.outbox.post(letters, ends)
        for record_id, reason in stay.items():
            logger.error("SQS did not take its letter: the record stays", record=record_id, reason=reason)
        return {"batchItemFailures": [{"itemIdentifier": record_id} for record_id in sorted(stay)]}

    def _read(self, record: str, body: str, work: Worklist, letters: list[Letter], budget: LookUpBudget) -> None:
        try:
            parsed = read_record(body, time.time())
            if isinstance(parsed, Job):
                self._add_job(record, parsed, work, budget)
            else:
                self._add_ticket(record, parsed, work, letters)
        except UnreadableRecord as unreadable:
            logger.error("dead letter: unreadable record", record=record, reason=str(unreadable))
            letters.append(Letter(unreadable.dead.to_body(time.time()), (record,)))

    def _add_job(self, record: str, job: Job, work: Worklist, budget: LookUpBudget) -> None:
        message = tidy(compose(job, self._failures(job, budget)))
        takers = [instance for instance in self.instances if instance.takes(message)]
        names = [instance.name for instance in takers]
        logger.info("job", job=job.name, job_id=job.id, status=job.status, child=job.role, notifiers=names)
        for instance in takers:
            work.add(record, Delivery(instance, message, time.time()))

    def _failures(self, job: Job, budget: LookUpBudget) -> Failures:
        if not job.failed:
            return Failures()
        return look_up_failures(job, self.batch, budget) if job.is_parent else failure_of(job)

    def _add_ticket(self, record: str, ticket: Ticket, work: Worklist, letters: list[Letter]) -> None:
        now = time.time()
        instance = manifest.find(self.instances, ticket.notifier)
        if instance is None:
            dead = replace(ticket, reason=f"the stack has no notifier {ticket.notifier} any more", died=now)
            logger.error("dead letter", notifier=dead.notifier, message_key=dead.message.key, reason=dead.reason)
            letters.append(Letter(dead.to_body(), (record,)))
        elif ticket.not_before > now + 1:
            letters.append(Letter(ticket.to_body(), (record,), self.timing.ticket_delay(ticket.not_before, now)))
        else:
            work.add(record, Delivery(instance, ticket.message, ticket.first_tried, ticket.attempt))

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


def _count(notifier: str, outcomes: Sequence[Outcome]) -> None:
    for result in Result:
        if number := sum(outcome.result is result for outcome in outcomes):
            count(result.name.title().replace("_", ""), notifier, number)
