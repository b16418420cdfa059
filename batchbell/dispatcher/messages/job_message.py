"""What all messages about a job have in common: its name, owner, tags, queue, thread and links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from batchbell.contract import Fact, Link, Message, Tag
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.records.job import Job
from batchbell.texts import tidy


def job_message(job: Job, owner_tag: str, facts: Sequence[Fact], **parts: Any) -> Message:
    """Compose the message.

    owner_tag: names the tag that says whom the job concerns; "" for none.
    facts: the owner is put before them.
    parts: the other fields of the message; its thread is the job's, unless it is among them.
    """
    tags = job.tags or {}
    owner = tags.get(owner_tag, "")
    return tidy(
        Message(
            job_name=job.name,
            facts=(*([Fact("Owner", owner)] if owner else []), *facts),
            links=tuple(_links(job)),
            queue=job.queue_name,
            owner=owner,
            tags=tuple(Tag(key, value) for key, value in tags.items()),
            **{"thread": job.arn, **parts},
        )
    )


def _links(job: Job) -> Iterator[Link]:
    if url := console_links.job(job.partition, job.region, job.id):
        yield Link("Job in the AWS console", url)
    if job.log_group and job.log_stream:
        url = console_links.log_stream(job.partition, job.log_region, job.log_group, job.log_stream)
        yield from [Link("Log in the AWS console", url)] if url else []
    elif job.log_group and job.log_prefix and (job.is_parent or job.nodes):
        # The children's definition may have another log group than the parent's event shows, so the link names it.
        url = console_links.log_streams(job.partition, job.log_region, job.log_group, f"{job.log_prefix}/")
        yield from [Link(f"Logs in {job.log_group}", url)] if url else []
