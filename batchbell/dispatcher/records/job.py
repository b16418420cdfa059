"""The EventBridge event of a finished job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchbell.dispatcher.records.containers import attempts_of, deciding_container, exit_code_of, status_reason_of
from batchbell.dispatcher.records.identity import identify
from batchbell.dispatcher.records.index_ranges import parse_ranges
from batchbell.dispatcher.records.json_object import InvalidEvent, JsonObject
from batchbell.wire import RERUN_INDEXES, RERUN_TAG, DetailType

ARRAY_LIMIT = 10_000  # children (AWS Batch API reference, ArrayProperties)
KEY_LIMIT = 2_048  # bytes; DynamoDB's limit for a partition key (DynamoDB Developer Guide, "Constraints")
# What Batch writes on EC2 (AWS Batch User Guide, "Automated job retries") and on Fargate Spot (Amazon ECS Developer
# Guide, "Stopped tasks error messages").
HOST_LOST = re.compile(r"^Host EC2 |Spot Task was interrupted")
JOB_ARN = re.compile(r"arn:[a-z-]+:batch:[a-z0-9-]+:[0-9]{12}:job/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHARE_IDENTIFIER = "shareIdentifier"  # counts as a tag of this name


@dataclass(frozen=True)
class Attempt:
    """When a job's container ran, in milliseconds since 1970, and how that ended."""

    started_at: int | None
    stopped_at: int | None
    status_reason: str = ""
    exit_code: int | None = None

    @property
    def lost_its_host(self) -> bool:
        """True if its instance or its Spot capacity was taken away: not the job's own failure."""
        return HOST_LOST.search(self.status_reason) is not None


@dataclass(frozen=True)
class Job:
    """An AWS Batch job whose event the stack's rule matched. Times are milliseconds since 1970, as in the event."""

    arn: str
    id: str
    name: str
    queue: str  # ARN; empty if the event names none
    definition: str  # ARN with revision; empty if the event names none
    status: str
    partition: str
    region: str
    array_size: int | None = None  # parents only
    array_index: int | None = None  # children only
    nodes: int | None = None  # whole multi-node jobs only
    counts: Mapping[str, int] = field(default_factory=dict)  # parents only: children by status; may lag
    status_reason: str = ""
    container: str = ""  # name of the container that the next ones are about; empty if the job has only one
    container_reason: str = ""
    exit_code: int | None = None
    log_group: str = ""  # empty where it is unknown, and where the log is not in CloudWatch
    log_region: str = ""
    log_prefix: str = ""  # the names of its log streams begin with it
    log_stream: str = ""
    attempts: tuple[Attempt, ...] = ()  # a parent has none
    attempts_allowed: int | None = None  # a parent's: for each child
    created_at: int | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    event_time: str = ""  # ISO 8601, UTC
    tags: Mapping[str, str] | None = None  # None: the event does not say
    rerun_indexes: tuple[int, ...] = ()  # of a rerun: the index in the first job of each position in this one

    @property
    def key(self) -> str:
        """Identifies the job's message: AWS may raise an event more than once."""
        return f"{self.arn}#{self.status}"

    @property
    def is_parent(self) -> bool:
        return self.array_size is not None

    @property
    def first_arn(self) -> str:
        """Of a rerun the ARN of the first job, of which it runs failed children again; of any other job empty."""
        arn = (self.tags or {}).get(RERUN_TAG, "")
        return arn if JOB_ARN.fullmatch(arn) else ""

    def index_in_first(self, position: int) -> int:
        """The index that a child of this job had in the first job; of any other job than a rerun, its own."""
        is_known = self.first_arn and position < len(self.rerun_indexes)
        return self.rerun_indexes[position] if is_known else position

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

        Only its kind, its job and the job's status are needed; whatever else is missing stays empty, and what AWS adds
        is left aside. Raises InvalidEvent, also for another detail-type.
        """
        envelope = JsonObject(event, "the event")
        if envelope.text("source") != "aws.batch":
            raise InvalidEvent("source is not aws.batch")
        if envelope.text("detail-type") != detail_type:
            raise InvalidEvent(f"detail-type is not {str(detail_type)!r}")
        detail = envelope.object("detail")
        identity = identify(envelope, detail)
        array = detail.object("arrayProperties")
        container = deciding_container(detail)
        definition = detail.text("jobDefinition")
        job = cls(
            arn=identity.arn,
            id=identity.id,
            name=detail.text("jobName") or identity.id,
            queue=identity.queue,
            definition=definition,
            status=detail.required("status") if detail_type == DetailType.JOB_STATE_CHANGE else detail.text("status"),
            partition=identity.partition,
            region=identity.region,
            array_size=array.integer("size"),
            array_index=array.integer("index"),
            nodes=detail.object("nodeProperties").integer("numNodes"),
            counts=array.object("statusSummary").integers(),
            status_reason=status_reason_of(detail),
            container=container.name,
            container_reason=container.reason,
            exit_code=container.exit_code,
            log_group=container.log.group,
            log_region=container.log.region or identity.region,
            log_prefix=container.log.prefix or _name_of(definition),
            log_stream=container.log.stream,
            attempts=tuple(
                Attempt(
                    one.integer("startedAt"),
                    one.integer("stoppedAt"),
                    one.text("statusReason"),
                    exit_code_of(one, detail),
                )
                for one in attempts_of(detail)
            ),
            attempts_allowed=detail.object("retryStrategy").integer("attempts"),
            created_at=detail.integer("createdAt"),
            started_at=detail.integer("startedAt"),
            stopped_at=detail.integer("stoppedAt"),
            event_time=envelope.text("time"),
            tags=tags_of(detail),
            rerun_indexes=_rerun_indexes(detail),
        )
        if len(job.key.encode()) > KEY_LIMIT:
            raise InvalidEvent("the job's ARN is too long")
        return job


def tags_of(job: JsonObject) -> Mapping[str, str] | None:
    """Return the tags of an event's `detail` or a JobDetail, and its share identifier; None if it has no tags.

    An event's tags have the job's ARN among them (seen in AWS's events), which is no tag.
    """
    tags, share = job.text_by_key("tags"), job.text(SHARE_IDENTIFIER)
    if tags is None:
        return None  # not the share identifier alone: a filter by another tag would take it for a job without that
    own = {key: value for key, value in tags.items() if key != "resourceArn"}
    return {SHARE_IDENTIFIER: share, **own} if share else own


def _rerun_indexes(job: JsonObject) -> tuple[int, ...]:
    """Empty unless a container has the variable, and it is right."""
    for variable in job.object("container").objects("environment"):
        if variable.text("name") == RERUN_INDEXES:
            try:
                return tuple(parse_ranges(variable.text("value"), at_most=ARRAY_LIMIT))
            except ValueError:
                return ()
    return ()


def _name_of(definition: str) -> str:
    """The default prefix of its jobs' log streams (AWS Batch User Guide, "Use the awslogs log driver")."""
    return definition.rsplit("/", 1)[-1].partition(":")[0]
