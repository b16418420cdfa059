"""Looks a job's tags up, where its event does not have them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.messages.failures import LookUpBudget
from batchbell.dispatcher.records.job import Job, tags_of
from batchbell.dispatcher.records.json_object import JsonObject
from batchbell.dispatcher.telemetry import logger


def look_up_tags(job: Job, batch: Any, budget: LookUpBudget) -> Job:
    """Return the job with its tags. Without an answer of AWS they stay unknown. `batch`: a boto3 client."""
    if not budget.spend():
        return job
    try:
        described = batch.describe_jobs(jobs=[job.id])["jobs"]
    except (ClientError, BotoCoreError) as error:
        logger.warning("the job's tags could not be looked up", job_id=job.id, reason=type(error).__name__)
        return job
    # Batch forgets finished jobs in the end, and then nothing is known of their tags.
    tags = [tags_of(JsonObject(one, "the job")) or {} for one in described if one.get("jobId") == job.id]
    return replace(job, tags=tags[0]) if tags else job
