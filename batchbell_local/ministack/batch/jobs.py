"""Jobs: what was submitted (`JobSpec`, fixed) and its progress (`Job`, and `ArrayParent` with its children).

All changes happen under the scheduler's lock.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum

from .operation import Json
from .process import RunningCommand
from .retries import AttemptResult, RetryStrategy


class Status(StrEnum):
    """The states of a job (AWS Batch User Guide, "Job states")."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED)

    @property
    def is_before_start(self) -> bool:
        return self in (Status.SUBMITTED, Status.PENDING, Status.RUNNABLE)


@dataclass(frozen=True)
class Dependency:
    """One entry of dependsOn. `kind` is "" (the whole job), SEQUENTIAL (which has no job id) or N_TO_N."""

    job_id: str | None
    kind: str


@dataclass(frozen=True)
class JobSpec:
    """A job as it was submitted: its definition with overrides and parameters applied. Children share one."""

    account: str
    region: str
    name: str
    queue_arn: str
    definition_arn: str
    platform: str  # EC2 or FARGATE
    platform_capabilities: tuple[str, ...]
    container: Json  # as DescribeJobs shows it before placement
    command: tuple[str, ...]
    environment: dict[str, str]
    parameters: dict[str, str]
    retry: RetryStrategy | None
    timeout_seconds: int | None  # for each attempt
    size: int | None  # of an array
    depends_on: tuple[Dependency, ...]
    propagate_tags: bool
    extras: Json  # shareIdentifier and schedulingPriority, as given

    @property
    def definition_name(self) -> str:
        return self.definition_arn.rsplit("/", 1)[-1].partition(":")[0]


@dataclass(frozen=True)
class Placement:
    """Where an attempt runs: an invented task, on an invented instance if the platform has instances."""

    environment_name: str
    task_arn: str
    container_instance_arn: str | None
    network_interfaces: tuple[Json, ...]
    log_stream: str | None  # None when the container does not log to CloudWatch Logs

    @property
    def task_id(self) -> str:
        return self.task_arn.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Attempt:
    """A finished attempt. Times are in ms since 1970; `started_at` is None if the container never ran."""

    placement: Placement
    result: AttemptResult
    started_at: int | None
    stopped_at: int


class Job:
    """A single job or a child of an array job."""

    def __init__(self, spec: JobSpec, job_id: str, order: int, created_at: int, tags: dict[str, str]) -> None:
        self.spec = spec
        self.job_id = job_id
        self.order = order  # position in lists: submission order, or a child's index
        self.created_at = created_at
        self.tags = tags
        self.index: int | None = None
        self.parent: ArrayParent | None = None
        self.status = Status.SUBMITTED
        self.status_reason: str | None = None
        self.started_at: int | None = None
        self.stopped_at: int | None = None
        self.attempts: list[Attempt] = []
        self.placement: Placement | None = None
        self.command: RunningCommand | None = None
        self.blockers = 0  # unfinished jobs that this one depends on
        self.dependents: list[Job] = []
        self.end_reason: str | None = None  # set once it is to end: cancelled, terminated, its queue deleted
        self.is_held = False  # runs without a process, until it is moved on
        self.is_cancelled = False
        self.is_terminated = False

    @property
    def arn(self) -> str:
        return f"arn:aws:batch:{self.spec.region}:{self.spec.account}:job/{self.job_id}"

    @property
    def top(self) -> Job:
        """The job that was submitted: the parent of a child, otherwise the job itself."""
        return self.parent or self


class ArrayParent(Job):
    """An array job: never runs itself, and ends after the last of its children."""

    def __init__(self, spec: JobSpec, job_id: str, order: int, created_at: int, tags: dict[str, str]) -> None:
        super().__init__(spec, job_id, order, created_at, tags)
        self.children: list[Job] = []
        for index in range(spec.size or 0):
            child = Job(spec, f"{job_id}:{index}", index, created_at, tags)
            child.index, child.parent = index, self
            self.children.append(child)
        self.counts: Counter[Status] = Counter({Status.SUBMITTED: len(self.children)})
        self.counted_at = created_at
        self.past: deque[tuple[int, Counter[Status]]] = deque()  # summaries of before, and since when each held

    @property
    def is_complete(self) -> bool:
        return self.counts[Status.SUCCEEDED] + self.counts[Status.FAILED] == len(self.children)
