"""Calls of AWS Batch with the operator's own credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

from batchbell.cli.deployed.stack import CLIENT_CONFIG

PAGE = 1_000  # children in an answer of ListJobs (measured: AWS returns up to 1,000)
DESCRIBED = 100  # jobs in a call of DescribeJobs (AWS Batch API reference)
# A submission is never repeated by itself: it has no token by which AWS would know it, and the job would run twice.
ONCE = CLIENT_CONFIG.merge(Config(retries={"total_max_attempts": 1, "mode": "standard"}))


class BatchApi:
    """AWS Batch in one Region. All methods raise botocore's errors."""

    def __init__(self, region: str, profile: str) -> None:
        """`region`, `profile`: override the AWS configuration; empty strings count as not given."""
        # The AWS CLI reads AWS_REGION, the SDK for Python only AWS_DEFAULT_REGION (AWS SDKs and Tools Reference Guide,
        # "AWS Region").
        session = boto3.Session(profile_name=profile or None, region_name=region or os.environ.get("AWS_REGION"))
        self._client = session.client("batch", config=CLIENT_CONFIG)
        self._submitter = session.client("batch", config=ONCE)

    @property
    def region(self) -> str:
        return str(self._client.meta.region_name)

    def describe(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the JobDetail of each job that AWS still knows, by its id."""
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), DESCRIBED):
            answer = self._client.describe_jobs(jobs=list(ids[start : start + DESCRIBED]))
            found.update((job["jobId"], job) for job in answer.get("jobs", []))
        return found

    def children(self, array_id: str, status: str) -> Iterator[Mapping[str, Any]]:
        """Yield the JobSummary of all children in this status, from all pages."""
        yield from self._pages(arrayJobId=array_id, jobStatus=status, maxResults=PAGE)

    def filtered(self, queue: str, name: str, value: str) -> Iterator[Mapping[str, Any]]:
        """Yield the JobSummary of the queue's jobs that one filter of ListJobs lets through, the latest first."""
        yield from self._pages(jobQueue=queue, filters=[{"name": name, "values": [value]}])

    def is_registered(self, definition: str) -> bool:
        """Whether jobs can be submitted with this revision of a job definition: not after it was deregistered."""
        found = self._client.describe_job_definitions(jobDefinitions=[definition]).get("jobDefinitions", [])
        return any(one.get("status") == "ACTIVE" for one in found)

    def submit(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._submitter.submit_job(**request)
        return answer

    def _pages(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        while True:
            answer = self._client.list_jobs(**request)
            yield from answer.get("jobSummaryList", [])
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]
