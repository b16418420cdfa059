"""States of jobs that have an event, and the statuses that messages can have."""

from __future__ import annotations

from typing import Any, Literal, get_args

from .mistakes import got

# The states of a job but SUBMITTED: "Events aren't created for the initial job submission" (AWS Batch User Guide,
# "Job state change events").
Status = Literal["PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
STATUSES: tuple[str, ...] = get_args(Status)
# The parent of an array never runs itself (AWS Batch User Guide, "Array job workflow").
PARENT_STATUSES = ("PENDING", "SUCCEEDED", "FAILED")

# A message's status: the job's state, BLOCKED for a blocked job queue, or what a sweep warns of
# (`batchbell.wire.Status`).
MessageStatus = Literal[Status, "BLOCKED", "EARLY", "OVERDUE", "STALLED"]
MESSAGE_STATUSES: tuple[str, ...] = get_args(MessageStatus)
BLOCKED: MessageStatus = "BLOCKED"


def check_has_event(status: Any) -> Any:
    """Return the same value. Raises ValueError if it is the one state of a job for which AWS Batch sends no event."""
    if status == "SUBMITTED":
        raise ValueError(
            f"{got(status)}, for which AWS Batch sends no event; the first state with one is PENDING (RUNNABLE for a "
            "job that is not an array and waits for no other)"
        )
    return status
