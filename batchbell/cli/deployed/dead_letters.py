"""Reads the dead-letter queue without removing anything, and groups the dead letters by notifier and reason."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rich.table import Table

from batchbell.cli.deployed.stack import DeployedStack
from batchbell.cli.timestamps import iso, minute
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import InvalidEvent
from batchbell.texts import one_line

SAMPLE_LIMIT = 100  # dead letters: enough to see what is wrong, read within seconds
BATCH = 10  # messages per ReceiveMessage (SQS API reference)
VISIBILITY = 30  # s that a message stays hidden if this command is killed before it makes it visible again
TIME_LIMIT = 15  # s for reading all: well within VISIBILITY, or a message would be read twice
LIMIT = 300  # characters of a text
NAMES_SHOWN = 3
FAR_FUTURE = 1e11  # epoch seconds; datetime cannot represent much later years


class DeadLetterKind(StrEnum):
    """Why a message became a dead letter."""

    REFUSED = "refused"  # a channel refused it permanently, or for too long
    UNREADABLE = "unreadable"  # neither an event of a job nor a ticket
    UNDELIVERED = "undelivered"  # the rule could not deliver the event to the intake queue
    DIED = "died"  # the function crashed or timed out each time it received it


@dataclass(frozen=True, order=True)
class DeadLetterJob:
    """The job of a dead letter; `id` and `status` may be empty."""

    name: str
    id: str
    status: str


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter, without its content."""

    kind: DeadLetterKind
    notifier: str | None  # None: it concerns all notifiers
    reason: str
    since: float  # epoch seconds: the first attempt, or when it was sent
    job: DeadLetterJob | None
    identity: str = ""  # equal for copies: SQS may have taken one although its answer was lost


@dataclass(frozen=True)
class DeadLetterGroup:
    """Dead letters with the same kind, notifier and reason."""

    count: int
    kind: DeadLetterKind
    notifier: str | None
    reason: str
    oldest: float  # epoch seconds
    jobs: Sequence[DeadLetterJob]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"kind": self.kind.value, "oldest": iso(self.oldest)}


@dataclass(frozen=True)
class DeadLetterSample:
    """At most SAMPLE_LIMIT dead letters of `total`."""

    total: int
    letters: Sequence[DeadLetter]

    @property
    def copies(self) -> int:
        """How many of the letters are another's copy: a redrive delivers the message once all the same."""
        known = [(letter.notifier, letter.identity) for letter in self.letters if letter.identity]
        return len(known) - len(set(known))

    def groups(self) -> list[DeadLetterGroup]:
        """Return the groups, the largest first."""
        groups: dict[tuple[DeadLetterKind, str | None, str], list[DeadLetter]] = {}
        for letter in self.letters:
            groups.setdefault((letter.kind, letter.notifier, letter.reason), []).append(letter)
        made = [
            DeadLetterGroup(
                len(all_), *key, min(one.since for one in all_), sorted({one.job for one in all_ if one.job})
            )
            for key, all_ in groups.items()
        ]
        return sorted(made, key=lambda group: (-group.count, group.notifier or "", group.reason))

    def to_dict(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "sampled": len(self.letters),
            "copies": self.copies,
            "groups": [group.to_dict() for group in self.groups()],
        }

    def table(self) -> Table:
        looked_at = len(self.letters)
        number = f"{self.total:,}" if looked_at >= self.total else f"a sample of {looked_at:,} of {self.total:,}"
        copies = f", {self.copies:,} of them copies" if self.copies else ""
        table = Table(title=f"Dead letters: {number}{copies}", title_justify="left", title_style="bold")
        table.add_column("number", justify="right")
        table.add_column("notifier")
        table.add_column("reason")
        table.add_column("first tried")
        table.add_column("jobs")
        for group in self.groups():
            table.add_row(
                f"{group.count:,}", group.notifier or "all", group.reason, minute(group.oldest), _names(group.jobs)
            )
        return table


def take_sample(deployed: DeployedStack, total: int) -> DeadLetterSample:
    """Read at most SAMPLE_LIMIT of `total` dead letters, and make them visible again at once.

    This raises their receive counts, which nothing reads in this queue.
    """
    if not total:
        return DeadLetterSample(0, ())
    sqs, url = deployed.sqs, deployed.dead_letters.url
    handles: dict[str, str] = {}
    letters: list[DeadLetter] = []
    ends = time.monotonic() + TIME_LIMIT
    try:
        while len(letters) < min(SAMPLE_LIMIT, total) and time.monotonic() < ends:
            # With a wait time, SQS queries all of its servers; without, only a subset (SQS Developer Guide, "Short and
            # long polling").
            response = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(BATCH, SAMPLE_LIMIT - len(letters)),
                VisibilityTimeout=VISIBILITY,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp", "DeadLetterQueueSourceArn"],
                MessageAttributeNames=["ERROR_CODE"],
            )
            messages = response.get("Messages", [])
            if not messages:
                break
            letters += [read_dead_letter(one) for one in messages if one["MessageId"] not in handles]
            handles.update((one["MessageId"], one["ReceiptHandle"]) for one in messages)
    finally:
        for batch in _batches(list(handles.values())):
            # A redrive moves only visible messages; without this call, they are visible again after VISIBILITY.
            entries = [
                {"Id": str(number), "ReceiptHandle": one, "VisibilityTimeout": 0} for number, one in enumerate(batch)
            ]
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    return DeadLetterSample(max(total, len(letters)), letters)


def _batches(handles: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(handles), BATCH):
        yield handles[start : start + BATCH]


def read_dead_letter(message: Mapping[str, Any]) -> DeadLetter:
    """Parse an SQS message. Of an event, only the job's name, id and status are read: the rest may be secret."""
    system = message.get("Attributes", {})
    sent = float(system.get("SentTimestamp", 0)) / 1000
    body = _decode(message["Body"])
    record = body.get("record") if "unreadable" in body else body
    ticket = "ticket" in body
    job = _job_of_ticket(body) if ticket else _job_of_event(record if isinstance(record, Mapping) else {})
    notifier = one_line(str(body.get("notifier", "")), LIMIT) or None if ticket else None
    reason = one_line(str(body.get("reason", "")), LIMIT)
    since = _timestamp(body.get("first_tried"), sent) if ticket else sent
    # SQS sets this attribute when it moves a message after too many receives; SendMessage does not set it.
    if "DeadLetterQueueSourceArn" not in system:
        if code := message.get("MessageAttributes", {}).get("ERROR_CODE", {}).get("StringValue"):
            return DeadLetter(
                DeadLetterKind.UNDELIVERED, None, f"the rule could not deliver it: {one_line(code, 64)}", since, job
            )
        if "unreadable" in body:
            return DeadLetter(DeadLetterKind.UNREADABLE, None, reason, since, job, str(body.get("sha256", "")))
        if ticket and "died" in body:
            return DeadLetter(DeadLetterKind.REFUSED, notifier, reason, since, job, _key_of_ticket(body))
    return DeadLetter(DeadLetterKind.DIED, notifier, "the function died", since, job)


def _decode(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, Mapping) else {}


def _timestamp(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < FAR_FUTURE else default


def _key_of_ticket(body: Mapping[str, Any]) -> str:
    message = body.get("message")
    return str(message.get("key", "")) if isinstance(message, Mapping) else ""


def _job_of_ticket(body: Mapping[str, Any]) -> DeadLetterJob | None:
    message = body.get("message")
    if not isinstance(message, Mapping):
        return None
    arn, _, _ = _key_of_ticket(body).rpartition("#")  # a job's ARN and its status; a blocked queue's key has no job
    return _dead_letter_job(message.get("job_name"), arn.partition(":job/")[2], message.get("status"))


def _job_of_event(event: Mapping[str, Any]) -> DeadLetterJob | None:
    try:
        job = Job.from_event(event)
    except InvalidEvent:
        detail = event.get("detail")
        if not isinstance(detail, Mapping):
            return None
        return _dead_letter_job(detail.get("jobName"), detail.get("jobId"), detail.get("status"))
    return _dead_letter_job(job.name, job.id, job.status)


def _dead_letter_job(*fields: Any) -> DeadLetterJob | None:
    name, id_, status = (one_line(text, LIMIT) if isinstance(text, str) else "" for text in fields)
    return DeadLetterJob(name, id_, status) if name else None


def _names(jobs: Sequence[DeadLetterJob]) -> str:
    names = sorted({job.name for job in jobs})
    rest = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
