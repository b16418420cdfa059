"""From records to what has to be delivered: parsed, looked up and composed once for all notifiers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batchbell.contract import Message
from batchbell.dispatcher import manifest
from batchbell.dispatcher.delivery.outbox import Letter
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.delivery.worklist import Worklist
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.origin import Home
from batchbell.dispatcher.records.blocked_queue import BlockedQueue, compose_blocked
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.parse import UnreadableRecord, read_record
from batchbell.dispatcher.records.self_test import Trial, compose_trial
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Timing
from batchbell.texts import tidy

NOT_LOOKED_UP = Failures(
    complete=False, problem="The failed children were not looked up: many jobs finished at the same time."
)


@dataclass
class Intake:
    """One invocation's records. `batch`: a boto3 client; `work` and `letters` are what `take` fills."""

    instances: Sequence[Instance]
    batch: Any
    timing: Timing
    budget: LookUpBudget
    home: Home
    work: Worklist = field(default_factory=Worklist)
    letters: list[Letter] = field(default_factory=list)  # for what is not delivered now

    def take(self, records: Sequence[Mapping[str, Any]]) -> None:
        """`records`: SQS's. What cannot be read becomes a dead letter."""
        jobs: list[tuple[str, Job]] = []
        for record in records:
            try:
                parsed = read_record(record["body"], time.time())
            except UnreadableRecord as unreadable:
                logger.error("dead letter: unreadable record", record=record["messageId"], reason=str(unreadable))
                self.letters.append(Letter(unreadable.dead.to_body(time.time()), (record["messageId"],)))
                continue
            if isinstance(parsed, Job):
                jobs.append((record["messageId"], parsed))
            elif isinstance(parsed, BlockedQueue):
                self._add_blocked(record["messageId"], parsed)
            elif isinstance(parsed, Trial):
                self._add_trial(record["messageId"], parsed)
            else:
                self._add_ticket(record["messageId"], parsed)
        self._add_jobs(jobs)

    def _add_jobs(self, jobs: Sequence[tuple[str, Job]]) -> None:
        takers = {job.key: self._takers(job) for _, job in jobs}
        numbers = Counter({name: len(waiting) for name, waiting in self.work.by_notifier().items()})
        numbers.update(instance.name for instances in takers.values() for instance in instances)
        messages: dict[str, Message] = {}
        for record, job in jobs:
            if job.key not in messages:
                # A digest shows no failures, so nothing is looked up for it.
                alone = any(not instance.digests(numbers[instance.name]) for instance in takers[job.key])
                messages[job.key] = tidy(compose(job, self._failures(job, alone), self.home.zone))
            names = [instance.name for instance in takers[job.key]]
            logger.info("job", job=job.name, job_id=job.id, status=job.status, child=job.role, notifiers=names)
            for instance in takers[job.key]:
                self.work.add(record, Delivery(instance, messages[job.key], time.time()))

    def _takers(self, job: Job) -> Sequence[Instance]:
        message = tidy(compose(job, NOT_LOOKED_UP))
        return [instance for instance in self.instances if instance.takes(message)]

    def _failures(self, job: Job, look_up: bool) -> Failures:
        if not job.failed:
            return Failures()
        if not job.is_parent:
            return failure_of(job)
        return look_up_failures(job, self.batch, self.budget) if look_up else NOT_LOOKED_UP

    def _add_blocked(self, record: str, blocked: BlockedQueue) -> None:
        message = tidy(compose_blocked(blocked, self.home.zone))
        takers = [instance for instance in self.instances if instance.takes(message)]
        names = [instance.name for instance in takers]
        logger.info("blocked queue", queue=message.queue, job=message.job_name, notifiers=names)
        for instance in takers:
            self.work.add(record, Delivery(instance, message, time.time()))

    def _add_trial(self, record: str, trial: Trial) -> None:
        """As a ticket for each notifier, so that one that the stack does not have is a dead letter that says so."""
        message = tidy(compose_trial(trial, self.home))
        logger.info("test", message_key=message.key, notifiers=list(trial.notifiers))
        for name in trial.notifiers or [instance.name for instance in self.instances]:
            self._add_ticket(record, Ticket(message, name, "", time.time()))

    def _add_ticket(self, record: str, ticket: Ticket) -> None:
        now = time.time()
        instance = manifest.find(self.instances, ticket.notifier)
        if instance is None:
            dead = replace(ticket, reason=f"the stack has no notifier {ticket.notifier}", died=now)
            logger.error("dead letter", notifier=dead.notifier, message_key=dead.message.key, reason=dead.reason)
            self.letters.append(Letter(dead.to_body(), (record,)))
        elif ticket.not_before > now + 1:
            delay = self.timing.ticket_delay(ticket.not_before, now)
            self.letters.append(Letter(ticket.to_body(), (record,), delay))
        elif now - ticket.first_tried > self.timing.oldest_ticket:
            # It did not go round so long: SQS had moved it, without a mark, and a redrive brought it back.
            self.work.add(record, Delivery(instance, ticket.message, now))
        else:
            self.work.add(record, Delivery(instance, ticket.message, ticket.first_tried, ticket.attempt))
