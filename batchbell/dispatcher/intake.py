"""Turns records into deliveries: each job is parsed, looked up and composed once for all notifiers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from batchbell.contract import Message
from batchbell.dispatcher import manifest
from batchbell.dispatcher.delivery.outbox import OutboxEntry
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.delivery.worklist import Worklist, merge
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages import queue_blocked
from batchbell.dispatcher.messages.channel_test import compose_self_test
from batchbell.dispatcher.messages.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.job_tags import look_up_tags
from batchbell.dispatcher.messages.live_message import as_last_state, is_live
from batchbell.dispatcher.messages.log_end import NO_LOGS, LogReader
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.messages.queue_blocked import compose_blocked
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.parse import UnreadableRecord, parse_record
from batchbell.dispatcher.records.receipt import came_before, first_received
from batchbell.dispatcher.records.self_test import SelfTest
from batchbell.dispatcher.records.sweep import Sweep
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.dispatcher.takers import Takers
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Timing
from batchbell.wire import MessageKind

if TYPE_CHECKING:
    from batchbell.dispatcher.watch.sweeper import Sweeper

WARNINGS = (MessageKind.EARLY_FAILURES, MessageKind.OVERDUE, MessageKind.STALLED)
NOT_LOOKED_UP = Failures(
    complete=False, problem="The failed children were not looked up: many jobs finished at the same time."
)


@dataclass(frozen=True)
class Accepted:
    """One invocation's records.

    `work` is to be delivered now. `early` are tickets that are not due, by notifier and message, each with its records:
    copies of one become one, and if one of them is due, it is sent for all. `dead` are dead letters already.
    """

    work: Worklist = field(default_factory=Worklist)
    early: dict[tuple[str, str], tuple[Ticket, tuple[str, ...]]] = field(default_factory=dict)
    dead: list[OutboxEntry] = field(default_factory=list)


@dataclass(frozen=True)
class Intake:
    """Lives as long as an invocation.

    batch: a boto3 client.
    owner_tag, rerun_hint: as in `batchbell.wire.Manifest`.
    sweeper: makes what looks at jobs that run; None if the stack asks for none of it.
    """

    instances: Sequence[Instance]
    batch: Any
    timing: Timing
    origin: Origin
    logs: LogReader = NO_LOGS
    owner_tag: str = ""
    sweeper: Callable[[], Sweeper] | None = None
    rerun_hint: bool = True

    def accept(self, records: Sequence[Mapping[str, Any]], budget: LookUpBudget) -> Accepted:
        """Read SQS's records. One that cannot be read becomes a dead letter."""
        accepted = Accepted()
        jobs: list[tuple[str, float, Job]] = []
        blocked: list[tuple[str, float, BlockedQueue]] = []
        sweeps: list[Mapping[str, Any]] = []
        warnings: list[tuple[str, Ticket]] = []
        for record in records:
            record_id, received = record["messageId"], first_received(record)
            try:
                parsed = parse_record(record["body"], received)
            except UnreadableRecord as unreadable:
                logger.error("dead letter: unreadable record", record=record_id, reason=str(unreadable))
                accepted.dead.append(OutboxEntry(unreadable.dead.to_body(time.time()), (record_id,)))
                continue
            if isinstance(parsed, Job):
                jobs.append((record_id, received, parsed))
            elif isinstance(parsed, BlockedQueue):
                blocked.append((record_id, received, parsed))
            elif isinstance(parsed, SelfTest):
                self._add_self_test(accepted, record_id, received, parsed)
            elif isinstance(parsed, Sweep):
                sweeps.append(record)
            elif parsed.message.kind in WARNINGS and parsed.not_before <= time.time() + 1:
                warnings.append((record_id, parsed))
            else:
                self._add_ticket(accepted, record_id, parsed)
        self._add_warnings(accepted, warnings, budget)
        asking = [job for _, _, job in jobs if self._everybody.ask_for_tags(job, job.status)]
        asking += [one.job for _, _, one in blocked if self._everybody.ask_for_tags(one.job, queue_blocked.STATUS)]
        tags = look_up_tags([job.id for job in asking], self.batch, budget)
        for record_id, received, one in blocked:
            self._add_blocked(accepted, record_id, received, replace(one, job=_with_tags(one.job, tags)))
        tagged = [(record_id, received, _with_tags(job, tags)) for record_id, received, job in jobs]
        self._add_jobs(accepted, tagged, budget)
        if sweeps:
            self._add_sweep(accepted, sweeps, frozenset(job.key for _, _, job in jobs), budget)
        # Only now, since the copy that is due may be in the last record.
        early = {place: copies for place, copies in accepted.early.items() if not accepted.work.join(*copies)}
        return Accepted(accepted.work, early, accepted.dead)

    @property
    def _everybody(self) -> Takers:
        return Takers(self.instances, self.owner_tag)

    def _add_jobs(self, accepted: Accepted, jobs: Sequence[tuple[str, float, Job]], budget: LookUpBudget) -> None:
        takers = {job.key: self._everybody.of(job, job.status) for _, _, job in jobs}
        live = {job.key: self._everybody.of_live(job) for _, _, job in jobs}
        numbers = Counter(
            name
            for name, waiting in accepted.work.by_notifier().items()
            for delivery in waiting
            if not is_live(delivery.message)  # no digest counts it
        )
        numbers.update(instance.name for instances in takers.values() for instance in instances)
        messages: dict[str, Message] = {}
        for record_id, received, job in jobs:
            names = [instance.name for instance in takers[job.key]]
            logger.info("job", job=job.name, job_id=job.id, status=job.status, child=job.role, notifiers=names)
            if (names or live[job.key]) and job.key not in messages:
                # A digest shows no failures, so nothing is looked up for it.
                alone = not names or any(not instance.digests(numbers[instance.name]) for instance in takers[job.key])
                failures = self._failures(job, budget if alone else None)
                messages[job.key] = compose(job, failures, self.origin.zone, self.owner_tag, self.rerun_hint)
            for instance in takers[job.key]:
                accepted.work.add(record_id, Delivery(instance, instance.shown(messages[job.key], job.tags), received))
            for instance in live[job.key]:
                last = as_last_state(instance.shown(messages[job.key], job.tags), job.arn)
                accepted.work.add(record_id, Delivery(instance, last, received))

    def _failures(self, job: Job, budget: LookUpBudget | None) -> Failures:
        """Without a budget nothing is looked up."""
        if not job.failed:
            return Failures()
        if not job.is_parent:
            return failure_of(job, budget, self.logs)
        return NOT_LOOKED_UP if budget is None else look_up_failures(job, self.batch, budget, self.logs)

    def _add_blocked(self, accepted: Accepted, record_id: str, received: float, blocked: BlockedQueue) -> None:
        takers = self._everybody.of(blocked.job, queue_blocked.STATUS)
        names = [instance.name for instance in takers]
        logger.info("blocked queue", queue=blocked.job.queue_name, job=blocked.job.name, notifiers=names)
        message = compose_blocked(blocked, self.origin.zone, self.owner_tag)
        for instance in takers:
            accepted.work.add(record_id, Delivery(instance, instance.shown(message, blocked.job.tags), received))

    def _add_self_test(self, accepted: Accepted, record_id: str, received: float, test: SelfTest) -> None:
        """Add it as a ticket for each notifier, so that one that the stack does not have becomes a dead letter."""
        message = compose_self_test(test, self.origin)
        logger.info("test", message_key=message.key, notifiers=list(test.notifiers))
        for name in test.notifiers or [instance.name for instance in self.instances]:
            self._add_ticket(accepted, record_id, Ticket(message, name, "", received))

    def _add_sweep(
        self, accepted: Accepted, records: Sequence[Mapping[str, Any]], known: frozenset[str], budget: LookUpBudget
    ) -> None:
        """Several records are one sweep. None of its errors may cost the other records, since the next one comes soon.

        known: keys of the outcomes that events tell in this invocation.
        """
        if self.sweeper is None:
            logger.info("no sweep: the stack does not watch jobs while they run")
            return
        try:
            swept = self.sweeper().sweep(known, budget, repeated=any(map(came_before, records)))
        except Exception as error:
            logger.error("the sweep ended early", reason=type(error).__name__)
            return
        received = {record["messageId"]: first_received(record) for record in records}
        for record_id in received:
            for delivery in swept.deliveries:
                accepted.work.add(record_id, delivery)
        if swept.lost:
            logger.warning("no event had reported these outcomes", missed_events=len(swept.lost))
            lost = [(record_id, since, job) for record_id, since in received.items() for job in swept.lost]
            self._add_jobs(accepted, lost, budget)

    def _add_warnings(self, accepted: Accepted, tickets: Sequence[tuple[str, Ticket]], budget: LookUpBudget) -> None:
        """Add the tickets of warnings that are still true."""
        if not tickets:
            return
        if self.sweeper is None:
            for _, ticket in tickets:
                logger.info("warning dropped: the stack asks for none", message_key=ticket.message.key)
            return
        checked = self.sweeper().late_warnings(budget).check(tickets)
        for record_id, ticket in checked.tickets:
            self._add_ticket(accepted, record_id, ticket)
        accepted.dead.extend(OutboxEntry(dead.to_body(), (record_id,)) for record_id, dead in checked.dead)

    def _add_ticket(self, accepted: Accepted, record_id: str, ticket: Ticket) -> None:
        now = time.time()
        instance = manifest.find(self.instances, ticket.notifier)
        if instance is None:
            dead = replace(ticket, reason=f"the stack has no notifier {ticket.notifier}", died=now)
            logger.error("dead letter", notifier=dead.notifier, message_key=dead.message.key, reason=dead.reason)
            accepted.dead.append(OutboxEntry(dead.to_body(), (record_id,)))
            return
        # However long the channel asked to wait, the last attempt is within the ticket's lifetime.
        due = min(ticket.not_before, self.timing.expiry(ticket.first_tried))
        if due > now + 1:
            place = ticket.notifier, ticket.message.key
            other, records = accepted.early.get(place, (ticket, ()))
            merged = replace(merge(ticket, other), not_before=min(due, other.not_before))  # the first of their times
            accepted.early[place] = merged, (*records, record_id)
        else:
            delivery = Delivery(instance, ticket.message, ticket.first_tried, ticket.attempt, ticket.alone)
            accepted.work.add(record_id, delivery)


def _with_tags(job: Job, tags: Mapping[str, Mapping[str, str]]) -> Job:
    """Add the tags that were looked up, if the event has none. `tags`: by the job's id."""
    found = tags.get(job.id)
    return job if job.tags is not None or found is None else replace(job, tags=found)
