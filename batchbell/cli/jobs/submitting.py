"""Submits a rerun, each job once: also if AWS's answer is lost, and if somebody else has just done the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

from batchbell.cli.errors import CommandFailed
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.first_job import variables_of
from batchbell.cli.jobs.plan import Plan
from batchbell.cli.jobs.submission import Submission, is_sequential
from batchbell.dispatcher.records.index_ranges import to_ranges
from batchbell.texts import one_line
from batchbell.wire import RERUN_INDEXES, RERUN_TAG

THROTTLED = ("TooManyRequests", "Throttling", "RequestLimitExceeded")
SERVER_ERROR = 500  # and above: the job may have been submitted all the same
CLOCKS_DIFFER = 60_000  # ms between this machine's clock and AWS's, at most
ATTEMPTS = 5  # of a submission that AWS refuses because of too many
PAUSE = 1.0  # s; each further one is twice as long


@dataclass(frozen=True)
class SubmittedJob:
    """A job of the rerun. `indexes`: those that its children have, by position."""

    id: str
    arn: str
    name: str
    indexes: Sequence[int]


def submit(batch: BatchApi, plan: Plan) -> Iterator[SubmittedJob]:
    """Submit all jobs of the plan, and yield each one at once. Raises CommandFailed and botocore's errors."""
    before: SubmittedJob | None = None
    for submission in plan.submissions:
        request = dict(submission.request)
        if before is not None and is_sequential(plan.job.detail):
            request["dependsOn"] = [*request.get("dependsOn", []), {"jobId": before.id}]
        before = _submit(batch, plan, submission, request)
        yield before


def _submit(batch: BatchApi, plan: Plan, submission: Submission, request: Mapping[str, Any]) -> SubmittedJob:
    name, started = str(request["jobName"]), int(time.time() * 1000)
    for attempt in range(ATTEMPTS):
        try:
            answer = batch.submit(request)
            return SubmittedJob(str(answer["jobId"]), str(answer.get("jobArn", "")), name, submission.indexes)
        except ClientError as refused:
            code = str(refused.response["Error"]["Code"])
            if code.startswith(THROTTLED) and attempt < ATTEMPTS - 1:
                time.sleep(PAUSE * 2**attempt)
            elif refused.response["ResponseMetadata"]["HTTPStatusCode"] >= SERVER_ERROR:
                break
            elif code == "ClientException":  # its text is Batch's own, about the request
                text = one_line(str(refused.response["Error"].get("Message", "")), 300)
                raise CommandFailed(f"AWS Batch refused the submission: {text}") from None
            else:
                raise
        except (HTTPClientError, ResponseParserError) as lost:
            if isinstance(lost, ConnectionError):  # never sent
                raise
            break
    return _look_for(batch, plan, submission, name, started)


def _look_for(batch: BatchApi, plan: Plan, submission: Submission, name: str, started: int) -> SubmittedJob:
    """Return the job whose answer was lost. Raises CommandFailed if AWS has none."""
    indexes, known = ",".join(to_ranges(submission.indexes)), {rerun.id for rerun in plan.related.reruns}
    for _ in range(ATTEMPTS):
        time.sleep(PAUSE)
        ids = [
            one["jobId"]
            for one in batch.filtered(plan.job.queue, "JOB_NAME", name)
            if one.get("createdAt", 0) >= started - CLOCKS_DIFFER and one["jobId"] not in known
        ]
        for id_, detail in batch.describe(ids).items():
            ours = (detail.get("tags") or {}).get(RERUN_TAG) == plan.job.first_arn
            if ours and variables_of(detail).get(RERUN_INDEXES) == indexes:
                return SubmittedJob(id_, str(detail.get("jobArn", "")), name, submission.indexes)
    raise CommandFailed(
        "AWS's answer to the submission was lost, and the job is not to be found: look into the queue before you try "
        "again; `rerun` leaves out what a rerun has taken"
    )
