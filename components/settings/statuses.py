"""States of jobs, and the statuses that messages can have."""

from __future__ import annotations

from typing import Literal, get_args

# States of a job (AWS Batch User Guide, "Job states").
Status = Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
STATUSES: tuple[str, ...] = get_args(Status)
# The parent of an array never runs itself (AWS Batch User Guide, "Array job workflow").
PARENT_STATUSES = ("SUBMITTED", "PENDING", "SUCCEEDED", "FAILED")

# A message's status: the job's state, or BLOCKED for a blocked job queue.
MessageStatus = Literal[Status, "BLOCKED"]
MESSAGE_STATUSES: tuple[str, ...] = get_args(MessageStatus)
BLOCKED: MessageStatus = "BLOCKED"
