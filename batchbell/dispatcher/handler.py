"""The Lambda's entry: records of the intake and the retry queue in, one message a job and notifier out.

A record is deleted once each of its notifiers was sent the message, has a ticket or a dead letter. `batchItemFailures`
names only records whose ticket SQS did not take, so that a record's receive count counts crashes alone.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher import manifest
from batchbell.dispatcher.compose import compose
from batchbell.dispatcher.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.fan_out import Delivery, Outcome, Result, fan_out
from batchbell.dispatcher.job import InvalidEvent, Job
from batchbell.dispatcher.ledger import Ledger
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.telemetry import count, logger
from batchbell.dispatcher.tickets import InvalidTicket, Queues, Ticket, Unreadable
from batchbell.dispatcher.timing import Deadline, Timing

_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 3, "mode": "standard"})


@dataclass(frozen=True)
class Dispatcher:
    """What lives as long as the process."""

    instances: Sequence[Instance]
    queues: Queues
    table: str
    dynamodb: Any
    batch: Any
    timing: Timing

    def run(self, records: Sequence[Mapping[str, Any]], seconds_left: float) -> dict[str, Any]:
        """One invocation. `seconds_left`: until Lambda ends it. Gives Lambda's partial batch response."""
        ledger = Ledger(
            self.dynamodb, self.table, uuid.uuid4().hex, time.time() + seconds_left + self.timing.lease_margin
        )
        budget = LookUpBudget(Deadline.after(self.timing.look_ups))
        work = _Work()
        for record in records:
            self._read(record, work, budget)
        sends = Deadline.after(min(self.timing.sends, seconds_left))
        todo = {name: [delivery for _, delivery in entries] for name, entries in work.deliveries.items()}
        for name, outcomes in fan_out(todo, ledger, self.timing, sends).items():
            _report(name, outcomes)
            for (record_id, delivery), outcome in zip(work.deliveries[name], outcomes, strict=True):
                self._ticket(record_id, delivery, outcome, work)
        return {"batchItemFailures": [{"itemIdentifier": record_id} for record_id in sorted(work.failed)]}

    def _read(self, record: Mapping[str, Any], work: _Work, budget: LookUpBudget) -> None:
        """Turn a record into deliveries. What cannot be read goes to the dead letters, and the others go on."""
        record_id, text = record["messageId"], record["body"]
        try:
            body = _decode(text)
            if "ticket" in body:
                self._add_ticket(record_id, Ticket.from_body(body, time.time()), work)
            else:
                self._add_job(record_id, Job.from_event(body), work, budget)
        except (InvalidEvent, InvalidTicket) as invalid:
            logger.error("unreadable record", record=record_id, reason=str(invalid))
            self._bury(record_id, Unreadable(text, str(invalid)).to_body(time.time()), work)

    def _add_job(self, record_id: str, job: Job, work: _Work, budget: LookUpBudget) -> None:
        logger.info("job", job=job.name, job_id=job.id, status=job.status, child=job.role)
        message = compose(job, self._failures(job, budget))
        for instance in self.instances:
            if instance.takes(message):
                work.deliveries[instance.name].append((record_id, Delivery(instance, message, time.time())))

    def _failures(self, job: Job, budget: LookUpBudget) -> Failures:
        if not job.failed:
            return Failures()
        return look_up_failures(job, self.batch, budget) if job.is_parent else failure_of(job)

    def _add_ticket(self, record_id: str, ticket: Ticket, work: _Work) -> None:
        instance = manifest.find(self.instances, ticket.notifier)
        if instance is None:
            reason = f"the stack has no notifier {ticket.notifier} any more"
            logger.error("dead letter", notifier=ticket.notifier, message_key=ticket.message.key, reason=reason)
            self._bury(record_id, _dead(ticket, reason).to_body(), work)
            return
        delivery = Delivery(instance, ticket.message, ticket.first_tried, ticket.attempt)
        work.deliveries[instance.name].append((record_id, delivery))

    def _ticket(self, record_id: str, delivery: Delivery, outcome: Outcome, work: _Work) -> None:
        """Hand what was not delivered to the retry queue, or to the dead letters."""
        if outcome.is_final:
            return
        now = time.time()
        ticket = Ticket(
            delivery.message,
            delivery.instance.name,
            outcome.reason,
            delivery.first_tried,
            delivery.attempt + outcome.counts,
        )
        if outcome.result is Result.PERMANENT or now - delivery.first_tried > self.timing.ticket_lifetime:
            self._bury(record_id, _dead(ticket, outcome.reason).to_body(), work)
            return
        due = outcome.due if outcome.due is not None else now + self.timing.retry_delay(delivery.attempt)
        try:
            self.queues.retry(ticket, self.timing.ticket_delay(due, now))
        except (ClientError, BotoCoreError) as error:
            work.fail(record_id, error)

    def _bury(self, record_id: str, dead: str, work: _Work) -> None:
        try:
            self.queues.bury(dead)
        except (ClientError, BotoCoreError) as error:
            work.fail(record_id, error)


class _Work:
    """The deliveries of one invocation by notifier, each with the record it came from, and the records that stay."""

    def __init__(self) -> None:
        self.deliveries: dict[str, list[tuple[str, Delivery]]] = defaultdict(list)
        self.failed: set[str] = set()

    def fail(self, record_id: str, error: Exception) -> None:
        logger.error("SQS did not take a ticket: the record stays", record=record_id, reason=type(error).__name__)
        self.failed.add(record_id)


def _decode(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidEvent("the record is not JSON") from None
    if isinstance(body, dict) and "unreadable" in body and isinstance(body.get("record"), str):
        return _decode(body["record"])  # a redriven dead letter
    if not isinstance(body, dict):
        raise InvalidEvent("the record is not a JSON object")
    return body


def _dead(ticket: Ticket, reason: str) -> Ticket:
    return replace(ticket, reason=reason, died=time.time())


def _report(notifier: str, outcomes: Sequence[Outcome]) -> None:
    for result in Result:
        if number := sum(outcome.result is result for outcome in outcomes):
            count(result.name.title().replace("_", ""), notifier, number)
    for outcome in outcomes:
        level = logger.info if outcome.is_final else logger.warning
        level("outcome", notifier=notifier, result=outcome.result.value, reason=outcome.reason)


@cache
def dispatcher() -> Dispatcher:
    """Made once in a process, from the environment and the manifest that the deploy wrote."""
    environment = os.environ
    return Dispatcher(
        instances=manifest.read_instances(Path(environment["LAMBDA_TASK_ROOT"]) / "manifest.json"),
        queues=Queues(
            boto3.client("sqs", config=_QUICK),
            environment["BATCHBELL_RETRY_QUEUE_URL"],
            environment["BATCHBELL_DEAD_LETTER_QUEUE_URL"],
        ),
        table=environment["BATCHBELL_LEDGER_TABLE"],
        dynamodb=boto3.client("dynamodb", config=_QUICK),
        batch=boto3.client("batch", config=_QUICK),
        timing=Timing(float(environment["BATCHBELL_FUNCTION_TIMEOUT"])),
    )


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """AWS Lambda's entry for both event source mappings."""
    return dispatcher().run(event["Records"], context.get_remaining_time_in_millis() / 1000)
