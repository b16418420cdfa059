"""The message about a blocked job queue."""

from __future__ import annotations

from datetime import UTC, tzinfo

from batchbell.contract import Fact, Link, Message, Severity, Tag
from batchbell.dispatcher.dates import format_duration, format_time, from_milliseconds
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.texts import tidy
from batchbell.wire import MessageKind

STATUS = "BLOCKED"


def compose_blocked(blocked: BlockedQueue, zone: tzinfo = UTC, owner_tag: str = "") -> Message:
    """Compose the message; it shows times in `zone`. `owner_tag`: as in `finished_job.compose`."""
    job, tags = blocked.job, blocked.job.tags or {}
    owner = tags.get(owner_tag, "")
    facts = [Fact("Owner", owner)] if owner else []
    facts += [Fact("Reason", blocked.reason), Fact("Job queue", job.queue_name), Fact("Job", job.name)]
    if job.definition:
        facts.append(Fact("Job definition", job.definition_name))
    created = from_milliseconds(job.created_at)
    if created is not None and created <= blocked.seen:
        facts.append(Fact("Waiting for", format_duration((blocked.seen - created).total_seconds())))
    facts += [Fact("Time", format_time(blocked.seen, zone)), Fact("Job id", job.id)]
    links = (
        ("Job queue in the AWS console", console_links.job_queue(job.partition, job.region, job.queue)),
        ("Job in the AWS console", console_links.job(job.partition, job.region, job.id)),
    )
    return tidy(
        Message(
            key=blocked.key,
            kind=MessageKind.QUEUE_BLOCKED,
            status=STATUS,
            severity=Severity.WARNING,
            title=f"Job queue {job.queue_name} is blocked by {job.name}",
            summary="The job at the head of the queue cannot run, and the jobs behind it wait",
            job_name=job.name,
            facts=tuple(facts),
            notes=("Sent once a day (UTC) for a queue and a reason, whichever jobs are at the head of the queue.",),
            links=tuple(Link(label, url) for label, url in links if url),
            queue=job.queue_name,
            thread=f"{job.queue}#{STATUS}",
            owner=owner,
            tags=tuple(Tag(key, value) for key, value in tags.items()),
        )
    )
