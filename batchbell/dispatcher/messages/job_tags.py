"""Looks up the tags of jobs whose events do not have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.messages.failures import DESCRIBED, LookUpBudget
from batchbell.dispatcher.records.job import tags_of
from batchbell.dispatcher.records.json_object import JsonObject
from batchbell.dispatcher.telemetry import logger


def look_up_tags(job_ids: Sequence[str], batch: Any, budget: LookUpBudget) -> Mapping[str, Mapping[str, str]]:
    """Return the tags by the job's id, with one call for all jobs: the budget is there for what failed.

    A job of which AWS does not tell is missing: more than one call takes, one that Batch has forgotten, or no answer.

    batch: a boto3 client.
    """
    asked = list(dict.fromkeys(job_ids))[:DESCRIBED]
    if not asked or not budget.spend():
        return {}
    try:
        described = batch.describe_jobs(jobs=asked)["jobs"]
    except (ClientError, BotoCoreError) as error:
        logger.warning("the jobs' tags could not be looked up", job_ids=asked, reason=type(error).__name__)
        return {}
    return {one["jobId"]: _tags(one) for one in described if one.get("jobId") in asked}


def _tags(described: Mapping[str, Any]) -> Mapping[str, str]:
    """DescribeJobs leaves `tags` out where a job has none."""
    return tags_of(JsonObject({"tags": {}, **described}, "the job")) or {}
