"""The command line that ends a job."""

from __future__ import annotations

import shlex

from batchbell.contract import Command
from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.records.job import Job

REASON = "Ended after a warning"


def end_job(job: Job) -> tuple[Command, ...]:
    """Terminating a parent ends all its children (AWS Batch API reference, TerminateJob).

    Empty if the job's id or Region does not have its shape: people copy this line into a shell.
    """
    if not console_links.job(job.partition, job.region, job.id):
        return ()
    words = ["aws", "batch", "terminate-job", "--job-id", job.id, "--reason", REASON, "--region", job.region]
    return (Command("To end the job", shlex.join(words)),)
