"""What AWS says of a job queue and its compute environments, for a message about a job that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import Fact
from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.messages.failures import LookUpBudget

SHOWN_ENVIRONMENTS = 3  # what a queue may have (AWS Batch API reference, CreateJobQueue: computeEnvironmentOrder)


def look_up_queue(arn: str, batch: Any, budget: LookUpBudget) -> Sequence[Fact]:
    """Two calls at most. An error of AWS stops no message. `batch`: a boto3 client."""
    try:
        return list(_facts(arn, batch, budget))
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        return [Fact("State of the queue", f"could not be looked up ({code})")]


def _facts(arn: str, batch: Any, budget: LookUpBudget) -> Iterator[Fact]:
    if not budget.spend():
        return
    for one in batch.describe_job_queues(jobQueues=[arn])["jobQueues"][:1]:
        yield Fact("State of the queue", _state(one))
        orders = sorted(one.get("computeEnvironmentOrder", ()), key=lambda order: order["order"])
        names = [order["computeEnvironment"] for order in orders][:SHOWN_ENVIRONMENTS]
        if not names or not budget.spend():
            return
        found = batch.describe_compute_environments(computeEnvironments=names)["computeEnvironments"]
        for environment in found:
            yield Fact("Compute environment", f"{environment['computeEnvironmentName']}: {_state(environment)}")


def _state(described: Mapping[str, Any]) -> str:
    """ "ENABLED, INVALID: CLIENT_ERROR - …"."""
    state = ", ".join(filter(None, (described.get("state", ""), described.get("status", ""))))
    reason = described.get("statusReason", "")
    return f"{state}: {reason}" if reason else state
