"""Jobs as AWS's JSON: the detail of an event, the JobDetail of DescribeJobs, the JobSummary of ListJobs.

The shapes follow real events and responses of each platform. A field that AWS documents as optional and that no real
sample has (a parent's startedAt) is left out.
"""

from __future__ import annotations

from typing import Any

from .jobs import ArrayParent, Attempt, Job, Placement
from .operation import Json
from .summaries import exact, summaries


def event_detail(job: Job) -> Json:
    """The `detail` of a "Batch Job State Change" event. A child's tags.resourceArn is its parent's ARN (seen)."""
    detail = _job(job)
    if isinstance(job, ArrayParent):
        detail["arrayProperties"] = exact(job)
    detail["tags"] = {**job.top.tags, "resourceArn": job.top.arn}
    return detail


def job_detail(job: Job) -> Json:
    """The JobDetail of DescribeJobs."""
    return {**_job(job), "tags": dict(job.top.tags)}


def job_summary(job: Job) -> Json:
    """The JobSummary of ListJobs, which has no log stream name, and of a child no definition (seen)."""
    found: Json = {"jobArn": job.arn, "jobId": job.job_id, "jobName": job.spec.name, "createdAt": job.created_at}
    found["status"] = str(job.status)
    found |= _present(statusReason=job.status_reason, startedAt=job.started_at, stoppedAt=job.stopped_at)
    found |= _ended_early(job)
    if job.index is None:
        found["jobDefinition"] = job.spec.definition_arn
    if isinstance(job, ArrayParent):
        found["arrayProperties"] = summaries.shown(job) if summaries.in_lists else {"size": len(job.children)}
        return found
    last = job.attempts[-1].result if job.attempts else None
    found["container"] = _present(exitCode=last.exit_code, reason=last.reason) if last else {}
    if job.index is not None:
        found["arrayProperties"] = {"index": job.index}
    return found


def _job(job: Job) -> Json:
    spec = job.spec
    found: Json = {
        "jobArn": job.arn,
        "jobName": spec.name,
        "jobId": job.job_id,
        "jobQueue": spec.queue_arn,
        "status": str(job.status),
        **spec.extras,
        "attempts": [_attempt(attempt) for attempt in job.attempts],
        **_present(statusReason=job.status_reason),
        "createdAt": job.created_at,
        **_present(retryStrategy=spec.retry.to_json() if spec.retry else None),
        **_present(startedAt=job.started_at, stoppedAt=job.stopped_at),
        "dependsOn": [_present(jobId=one.job_id, type=one.kind or None) for one in spec.depends_on],
        "jobDefinition": spec.definition_arn,
        "parameters": spec.parameters,
        "container": _container(job),
    }
    if isinstance(job, ArrayParent):
        found["arrayProperties"] = summaries.shown(job)
    elif job.index is not None:
        found["arrayProperties"] = {"statusSummary": {}, "index": job.index}
    if spec.timeout_seconds is not None:
        found["timeout"] = {"attemptDurationSeconds": spec.timeout_seconds}
    found["propagateTags"] = spec.propagate_tags
    found["platformCapabilities"] = list(spec.platform_capabilities)
    found["eksAttempts"] = []
    return found | _ended_early(job)


def _ended_early(job: Job) -> Json:
    return _present(isCancelled=job.is_cancelled or None, isTerminated=job.is_terminated or None)


def _container(job: Job) -> Json:
    container = dict(job.spec.container)
    placement = job.placement
    if placement is None:
        container["networkInterfaces"] = []
        return container
    if job.status.is_final and job.attempts:
        result = job.attempts[-1].result
        container |= _present(exitCode=result.exit_code, reason=result.reason)
    return container | _placed(placement, has_run=job.started_at is not None)


def _attempt(attempt: Attempt) -> Json:
    result = attempt.result
    return {
        "container": {
            **_present(exitCode=result.exit_code, reason=result.reason),
            **_placed(attempt.placement, has_run=attempt.started_at is not None),
        },
        **_present(startedAt=attempt.started_at),
        "stoppedAt": attempt.stopped_at,
        "statusReason": result.status_reason,
    }


def _placed(placement: Placement, *, has_run: bool) -> Json:
    """The fields of a placed container; the log stream's name is set once it runs (API reference)."""
    return {
        **_present(containerInstanceArn=placement.container_instance_arn),
        "taskArn": placement.task_arn,
        **_present(logStreamName=placement.log_stream if has_run else None),
        "networkInterfaces": list(placement.network_interfaces),
    }


def _present(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value is not None}
