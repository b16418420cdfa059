"""Job queues. MiniStack stores them; this adds AWS's checks, updates, deletion, and the choice of an environment."""

from __future__ import annotations

from ministack.services import batch as stub

from .compute_environments import find_environment, platform_of
from .operation import ClientException, Json, Operation, call_stub, find_record, parse_state, required_name
from .queue_relations import queue_relations
from .scheduler import Scheduler

create_stub = stub._create_job_queue

MAX_ENVIRONMENTS = 3  # a queue may have up to three compute environments (API reference, CreateJobQueue)
HEALTHY = "JobQueue Healthy"  # AWS CLI reference, describe-job-queues, the example's statusReason
STORED_AS_GIVEN = ("schedulingPolicyArn", "jobStateTimeLimitActions")


def operations(scheduler: Scheduler) -> dict[str, Operation]:
    """The operations by their path."""

    def update(payload: Json) -> Json:
        answer = _update(payload)
        scheduler.retry_placement()
        return answer

    def delete(payload: Json) -> Json:
        queue = existing_queue(payload)
        if queue["state"] != "DISABLED":
            raise ClientException("Cannot delete, job queue must be disabled first")
        scheduler.terminate_queue(queue["jobQueueArn"])
        del stub._job_queues[queue["jobQueueName"]]
        return {}

    return {"/v1/createjobqueue": _create, "/v1/updatejobqueue": update, "/v1/deletejobqueue": delete}


def existing_queue(payload: Json) -> Json:
    """The queue that the request's `jobQueue` (name or ARN) names. Raises ClientException if it does not exist."""
    reference = payload.get("jobQueue")
    queue = find_record(stub._job_queues, reference, "jobQueueArn")
    if queue is None:
        raise ClientException(f"Job queue {reference} does not exist")
    return queue


def find_enabled_environment(queue_arn: str) -> Json | None:
    """The queue's first compute environment, in its order, that is enabled and valid; None if none is."""
    environments = environments_of(queue_arn)
    return next((one for one in environments if (one["state"], one["status"]) == ("ENABLED", "VALID")), None)


def environments_of(queue_arn: str) -> list[Json]:
    """The queue's compute environments, in its order."""
    queue = find_record(stub._job_queues, queue_arn, "jobQueueArn")
    entries = queue["computeEnvironmentOrder"] if queue else []
    return [found for one in entries if (found := find_environment(one["computeEnvironment"])) is not None]


def platform_of_queue(queue: Json) -> str:
    """EC2 or FARGATE: a queue never has both."""
    environment = find_environment(queue["computeEnvironmentOrder"][0]["computeEnvironment"])
    if environment is None:
        raise ClientException(f"The compute environment of job queue {queue['jobQueueName']} does not exist")
    return platform_of(environment)


def _create(payload: Json) -> Json:
    required_name(payload, "jobQueueName")
    order = _checked_order(payload.get("computeEnvironmentOrder"))
    _check_priority(payload, required=True)
    request = {**payload, "state": parse_state(payload, "ENABLED"), "computeEnvironmentOrder": order}
    answer = call_stub(create_stub, request)
    stored = {key: payload[key] for key in STORED_AS_GIVEN if key in payload}
    stub._job_queues[answer["jobQueueName"]].update(stored, statusReason=HEALTHY)
    return answer


def _update(payload: Json) -> Json:
    queue = existing_queue(payload)
    changes: Json = {key: payload[key] for key in STORED_AS_GIVEN if key in payload}
    if "computeEnvironmentOrder" in payload:
        changes["computeEnvironmentOrder"] = _checked_order(payload["computeEnvironmentOrder"])
    if "priority" in payload:
        _check_priority(payload, required=False)
        changes["priority"] = payload["priority"]
    state = parse_state(payload)
    if state is not None:
        changes["state"] = state
    before = {entry["computeEnvironment"] for entry in queue["computeEnvironmentOrder"]}
    queue.update(changes)
    queue_relations.end(before - {entry["computeEnvironment"] for entry in queue["computeEnvironmentOrder"]})
    return {"jobQueueName": queue["jobQueueName"], "jobQueueArn": queue["jobQueueArn"]}


def _check_priority(payload: Json, *, required: bool) -> None:
    priority = payload.get("priority")
    if not isinstance(priority, int) and (required or priority is not None):
        raise ClientException(f"priority must be a whole number, got {priority!r}")


def _checked_order(given: object) -> list[Json]:
    """The compute environments of a queue, checked and sorted by `order`, with ARNs instead of names."""
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_ENVIRONMENTS:
        raise ClientException(f"computeEnvironmentOrder takes 1 to {MAX_ENVIRONMENTS} compute environments")
    order: list[Json] = []
    platforms = set()
    for entry in given:
        environment = find_environment(entry.get("computeEnvironment"))
        if environment is None:
            raise ClientException(f"Compute environment {entry.get('computeEnvironment')} does not exist")
        platforms.add(platform_of(environment))
        order.append({"order": entry.get("order"), "computeEnvironment": environment["computeEnvironmentArn"]})
    if len(platforms) > 1:
        raise ClientException("EC2/SPOT and FARGATE/FARGATE_SPOT compute environments cannot be mixed in one job queue")
    return sorted(order, key=lambda entry: int(entry["order"]))
