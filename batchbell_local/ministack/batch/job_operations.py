"""Batch's operations on jobs: submit, describe, list, cancel, terminate."""

from __future__ import annotations

from .job_json import job_detail
from .job_runner import JobRunner
from .jobs import Job
from .listing import list_jobs
from .operation import ClientException, Json, Operation
from .scheduler import Scheduler
from .submission import parse_submission

MAX_DESCRIBED = 100  # job ids in one DescribeJobs call (API reference)


def operations(scheduler: Scheduler, runner: JobRunner) -> dict[str, Operation]:
    """The operations by their path."""

    def submit(payload: Json) -> Json:
        spec = parse_submission(payload)
        runner.start()
        job = scheduler.submit(spec, dict(payload.get("tags") or {}))
        return {"jobArn": job.arn, "jobName": spec.name, "jobId": job.job_id}

    def describe(payload: Json) -> Json:
        ids = payload.get("jobs") or []
        if len(ids) > MAX_DESCRIBED:
            raise ClientException(f"DescribeJobs takes at most {MAX_DESCRIBED} jobs, got {len(ids)}")
        with scheduler.lock:
            return {"jobs": [job_detail(job) for job_id in ids if (job := scheduler.find(job_id)) is not None]}

    def cancel(payload: Json) -> Json:
        job, reason = _job_and_reason(scheduler, payload)
        if job is not None:
            scheduler.cancel(job, reason)
        return {}

    def terminate(payload: Json) -> Json:
        job, reason = _job_and_reason(scheduler, payload)
        if job is not None:
            scheduler.terminate(job, reason)
        return {}

    return {
        "/v1/submitjob": submit,
        "/v1/describejobs": describe,
        "/v1/listjobs": lambda payload: list_jobs(scheduler, payload),
        "/v1/canceljob": cancel,
        "/v1/terminatejob": terminate,
    }


def _job_and_reason(scheduler: Scheduler, payload: Json) -> tuple[Job | None, str]:
    """The job and the reason. A job that does not exist is not an error (API reference, CancelJob)."""
    for key in ("jobId", "reason"):
        if not payload.get(key):
            raise ClientException(f"{key} is required")
    return scheduler.find(payload["jobId"]), str(payload["reason"])
