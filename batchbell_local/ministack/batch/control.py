"""Controls of this Batch beyond AWS's API: held queues, children without processes, summaries, statuses.

relation-lag {"seconds"}                   how long a queue's relation to an environment outlives its use
hold {"queue": ARN}, release {"queue"}     starts none of the queue's jobs; starts them again
move {"job", "status", "number", "exit_code"}    moves children of an array in a held queue → {"moved": N}
summaries {"lag", "in_lists"}              how many seconds old summaries are, and whether lists have them
status {"arn", "status", "reason"}         of a job queue or a compute environment
"""

from __future__ import annotations

from ministack.services import batch as stub

from .held_jobs import HeldJobs
from .operation import Json, find_record
from .queue_relations import queue_relations
from .scheduler import Scheduler
from .summaries import summaries

STATUSES = ("VALID", "INVALID", "UPDATING")  # of those in the API reference, the ones that something usable can have


def control(scheduler: Scheduler, action: str, given: Json) -> Json:
    """Do what the action says. Raises ValueError or LookupError for what it does not know."""
    match action:
        case "relation-lag":
            queue_relations.lag = given["seconds"]
        case "hold":
            HeldJobs(scheduler).hold(given["queue"])
        case "release":
            HeldJobs(scheduler).release(given["queue"])
        case "move":
            return {
                "moved": HeldJobs(scheduler).move(given["job"], given["status"], given["number"], given["exit_code"])
            }
        case "summaries":
            summaries.lag, summaries.in_lists = given["lag"], given["in_lists"]
        case "status":
            _set_status(given["arn"], given["status"], given["reason"])
            scheduler.retry_placement()
        case _:
            raise ValueError(f"unknown control call: batch/{action}")
    return {}


def _set_status(arn: str, status: str, reason: str) -> None:
    if status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}, got {status!r}")
    queue = find_record(stub._job_queues, arn, "jobQueueArn")
    record = queue or find_record(stub._compute_envs, arn, "computeEnvironmentArn")
    if record is None:
        raise LookupError(f"there is no job queue or compute environment {arn}")
    record.update(status=status, statusReason=reason)
