"""The EventBridge event of a finished job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchbell.wire import DetailType

KEY_LIMIT = 2_048  # bytes; DynamoDB's limit for a partition key (DynamoDB Developer Guide, "Constraints")

# Where Batch writes a container's log unless its logConfiguration says otherwise (AWS Batch User Guide, "Using the
# awslogs log driver").
DEFAULT_LOG_GROUP = "/aws/batch/job"


class InvalidEvent(ValueError):
    """Not an event of an AWS Batch job. The text says why, without values of the event."""


@dataclass(frozen=True)
class Attempt:
    """When a job's container ran, in milliseconds since 1970."""

    started_at: int | None
    stopped_at: int | None


@dataclass(frozen=True)
class Job:
    """An AWS Batch job whose event the stack's rule matched. Times are milliseconds since 1970, as in the event."""

    arn: str
    id: str
    name: str
    queue: str  # ARN
    definition: str  # ARN with revision
    status: str
    partition: str
    region: str
    array_size: int | None = None  # parents only
    array_index: int | None = None  # children only
    counts: Mapping[str, int] = field(default_factory=dict)  # parents only: children by status; may lag
    status_reason: str = ""
    container_reason: str = ""
    exit_code: int | None = None
    log_group: str = DEFAULT_LOG_GROUP  # "" where the log is not in CloudWatch
    log_prefix: str = ""  # the names of its log streams begin with it
    log_stream: str = ""
    attempts: tuple[Attempt, ...] = ()  # a parent has none
    attempts_allowed: int | None = None  # a parent's: for each child
    created_at: int | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    event_time: str = ""  # ISO 8601, UTC

    @property
    def key(self) -> str:
        """Identifies the job's message: AWS may raise an event more than once."""
        return f"{self.arn}#{self.status}"

    @property
    def is_parent(self) -> bool:
        return self.array_size is not None

    @property
    def failed(self) -> bool:
        return self.status == "FAILED"

    @property
    def role(self) -> str:
        """For the log: "parent", the child's index, or "single"."""
        if self.is_parent:
            return "parent"
        return "single" if self.array_index is None else str(self.array_index)

    @property
    def queue_name(self) -> str:
        return self.queue.rsplit("/", 1)[-1]

    @property
    def definition_name(self) -> str:
        """Name and revision: "print-color:3"."""
        return self.definition.rsplit("/", 1)[-1]

    @classmethod
    def from_event(cls, event: Any, detail_type: str = DetailType.JOB_STATE_CHANGE) -> Job:
        """Parse an EventBridge event that was decoded from JSON.

        Raises InvalidEvent, also for another detail-type.
        """
        envelope = _Reader(event, "the event")
        if envelope.text("source") != "aws.batch":
            raise InvalidEvent("source is not aws.batch")
        if envelope.text("detail-type") != detail_type:
            raise InvalidEvent(f"detail-type is not {str(detail_type)!r}")
        detail = envelope.object("detail")
        array = detail.object("arrayProperties")
        container = detail.object("container")
        log = container.object("logConfiguration")
        # On EKS, the cluster decides where pods write their logs.
        in_cloudwatch = log.text("logDriver") in ("", "awslogs") and not detail.has("eksProperties")
        log_group = log.object("options").text("awslogs-group") or DEFAULT_LOG_GROUP
        definition = detail.text("jobDefinition")
        arn = detail.required("jobArn")
        partition, region = _partition_and_region(arn)
        job = cls(
            arn=arn,
            id=detail.required("jobId"),
            name=detail.required("jobName"),
            queue=detail.required("jobQueue"),
            definition=definition,
            status=detail.required("status"),
            partition=partition,
            region=region,
            array_size=array.integer("size"),
            array_index=array.integer("index"),
            counts=array.object("statusSummary").integers(),
            status_reason=detail.text("statusReason"),
            container_reason=container.text("reason"),
            exit_code=container.integer("exitCode"),
            log_group=log_group if in_cloudwatch else "",
            log_prefix=log.object("options").text("awslogs-stream-prefix") or _name_of(definition),
            log_stream=container.text("logStreamName"),
            attempts=tuple(
                Attempt(one.integer("startedAt"), one.integer("stoppedAt"))
                for one in detail.objects("attempts") or detail.objects("eksAttempts")
            ),
            attempts_allowed=detail.object("retryStrategy").integer("attempts"),
            created_at=detail.integer("createdAt"),
            started_at=detail.integer("startedAt"),
            stopped_at=detail.integer("stoppedAt"),
            event_time=envelope.text("time"),
        )
        if len(job.key.encode()) > KEY_LIMIT:
            raise InvalidEvent("detail.jobArn is too long")
        return job


def _name_of(definition: str) -> str:
    """The default prefix of its jobs' log streams (AWS Batch User Guide, "Using the awslogs log driver")."""
    return definition.rsplit("/", 1)[-1].partition(":")[0]


def _partition_and_region(job_arn: str) -> tuple[str, str]:
    parts = job_arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or not parts[1] or not parts[3]:
        raise InvalidEvent("detail.jobArn is not an ARN")
    return parts[1], parts[3]


class _Reader:
    """Reads optional fields of a JSON object. A field counts as absent if its type is not the documented one."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise InvalidEvent(f"{where} is not a JSON object")
        self._value = value
        self._where = where

    def text(self, key: str) -> str:
        value = self._value.get(key)
        # A lone surrogate is legal in JSON, but neither DynamoDB nor any channel accepts it.
        return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""

    def required(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise InvalidEvent(f"{self._where} has no {key}")
        return value

    def integer(self, key: str) -> int | None:
        value = self._value.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def integers(self) -> Mapping[str, int]:
        return {key: number for key in self._value if (number := self.integer(key)) is not None}

    def has(self, key: str) -> bool:
        return bool(self._value.get(key))

    def objects(self, key: str) -> list[_Reader]:
        value = self._value.get(key)
        return [_Reader(one, key) for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

    def object(self, key: str) -> _Reader:
        value = self._value.get(key)
        return _Reader(value if isinstance(value, Mapping) else {}, key)
