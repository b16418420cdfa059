"""The container that decided how a job ended: its exit code, its reason and its log.

Events, DescribeJobs and ListJobs have the same shapes (AWS Batch API reference: JobDetail, JobSummary). A job has one
`container`; or several, in `ecsProperties`, or in `eksProperties`; or it has nodes, with `nodeProperties`. What became
of a container is there, or only in the last of the `attempts` or `eksAttempts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from batchbell.dispatcher.records.json_object import JsonObject
from batchbell.wire import DEFAULT_LOG_GROUP

# Exit codes of SIGTERM and SIGKILL, by which ECS stops the other containers of a task once an essential one has exited
# (Amazon ECS API reference, StopTask).
STOPPED = (143, 137)
NO_REASON = ("", "Error")  # what Kubernetes says of every container that exits with another code than 0


@dataclass(frozen=True)
class Log:
    """Where a container writes its log.

    group: empty where it is unknown, as on EKS, and where the log is not in CloudWatch.
    region: empty for the job's.
    prefix: the names of its streams begin with it; empty for the job definition's name.
    stream: empty until the container runs.
    """

    group: str = ""
    region: str = ""
    prefix: str = ""
    stream: str = ""


@dataclass(frozen=True)
class Container:
    """`essential`: the job ends with it. `exit_code`: None if it has not exited."""

    name: str = ""
    essential: bool = True
    exit_code: int | None = None
    reason: str = ""
    log: Log = field(default_factory=Log)


def attempts_of(job: JsonObject) -> Sequence[JsonObject]:
    return job.objects("attempts") or job.objects("eksAttempts")


def status_reason_of(job: JsonObject) -> str:
    """The last attempt's if the job has none itself."""
    return job.text("statusReason") or next((one.text("statusReason") for one in attempts_of(job)[-1:]), "")


def deciding_container(job: JsonObject) -> Container:
    """Return the essential container that failed, or else the one that says most; an empty one if none is known.

    job: the `detail` of an event, a JobDetail or a JobSummary.
    """
    found = _with_attempt(_containers(job), list(_of_last_attempt(job)))
    return min(found, key=_rank, default=Container())


def exit_code_of(attempt: JsonObject, job: JsonObject) -> int | None:
    """How the attempt's deciding container exited. Only the job says which containers are essential."""
    others = {one.name for one in _containers(job) if not one.essential}
    found = [one for one in _in_attempt(attempt) if one.name not in others]
    return min(found, key=_rank, default=Container()).exit_code


def _rank(container: Container) -> tuple[int, bool]:
    """The container that decided has the lowest."""
    code, essential = container.exit_code, container.essential
    if essential and code:
        # One that was stopped because of another gives no reason.
        order = 1 if code in STOPPED and container.reason in NO_REASON else 0
    elif essential and code is None and container.reason:
        order = 2  # such as an image that cannot be pulled
    elif essential and code == 0:
        order = 3
    elif code:
        order = 4  # the essential containers waited for it, and never started
    else:
        order = 5 if essential else 6
    return order, not container.log.group


def _containers(job: JsonObject) -> Sequence[Container]:
    """The job's containers; of a whole multi-node job, those of its main node."""
    ecs, pod = job.object("ecsProperties"), job.object("eksProperties").object("podProperties")
    if job.object("eksProperties") or job.objects("eksAttempts"):
        return _in_pod(pod)
    found = _in_tasks(ecs) or _single(job)
    # A whole multi-node job may have a `container` that holds empty lists only.
    tells = any(one.exit_code is not None or one.reason or one.log.stream for one in found)
    return found if tells else _on_node(job) or found


def _on_node(job: JsonObject) -> Sequence[Container]:
    nodes = job.object("nodeProperties")
    index = job.object("nodeDetails").integer("nodeIndex")
    index = index if index is not None else nodes.integer("mainNode") or 0
    ranges = [(found, one) for one in nodes.objects("nodeRangeProperties") if index in (found := _range(one, nodes))]
    if not ranges:
        return []
    # A range inside another one overrides it (AWS Batch API reference, NodeRangeProperty).
    _, node = min(ranges, key=lambda one: one[0].stop - one[0].start)
    return _containers(node)


def _range(node_range: JsonObject, nodes: JsonObject) -> range:
    """ "0:3", ":3", "2:" or "2"; an empty range for any other text."""
    first, colon, last = node_range.text("targetNodes").partition(":")
    try:
        start = int(first or 0)
        return range(start, (int(last or (nodes.integer("numNodes") or 1) - 1) if colon else start) + 1)
    except ValueError:
        return range(0)


def _of_last_attempt(job: JsonObject) -> Iterator[Container]:
    """What the last attempt says of each container. Where their logs are it does not say, their streams apart."""
    for attempt in attempts_of(job)[-1:]:
        yield from (replace(one, log=Log(stream=one.log.stream)) for one in _in_attempt(attempt))


def _in_attempt(attempt: JsonObject) -> Sequence[Container]:
    return _in_tasks(attempt) or _in_pod(attempt) or _single(attempt)


def _single(parent: JsonObject) -> Sequence[Container]:
    container = parent.object("container")  # of a job with several containers it is empty
    return [_container(container, _log(container))] if container else []


def _in_tasks(parent: JsonObject) -> Sequence[Container]:
    tasks = parent.objects("taskProperties")
    return [_container(one, _log(one)) for one in chain.from_iterable(task.objects("containers") for task in tasks)]


def _in_pod(pod: JsonObject) -> Sequence[Container]:
    """The cluster decides where a pod's logs are. A pod fails with each of its init containers, too."""
    return [_container(one, Log()) for one in (*pod.objects("containers"), *pod.objects("initContainers"))]


def _container(container: JsonObject, log: Log) -> Container:
    # Without the field it is essential (AWS Batch API reference, TaskContainerDetails).
    return Container(
        container.text("name"),
        not container.is_false("essential"),
        container.integer("exitCode"),
        container.text("reason"),
        log,
    )


def _log(container: JsonObject) -> Log:
    configuration = container.object("logConfiguration")
    if configuration.text("logDriver") not in ("", "awslogs"):
        return Log()
    options = configuration.object("options")
    return Log(
        options.text("awslogs-group") or DEFAULT_LOG_GROUP,
        options.text("awslogs-region"),
        options.text("awslogs-stream-prefix"),
        container.text("logStreamName"),
    )


def _with_attempt(containers: Sequence[Container], attempt: Sequence[Container]) -> Sequence[Container]:
    """Add what only the last attempt says, to the container of that name, or else to the one in that place."""
    by_name = {one.name: one for one in attempt}
    aligned = len(attempt) == len(containers)
    known = {one.name for one in containers}
    found = []
    for place, container in enumerate(containers):
        there = by_name.get(container.name) or (
            attempt[place] if aligned and attempt[place].name not in known else None
        )
        found.append(_merge(container, there) if there else container)
    taken = known | ({one.name for one in attempt} if aligned else set())
    return [*found, *(one for one in attempt if one.name not in taken)]


def _merge(container: Container, attempt: Container) -> Container:
    log, stream = container.log, container.log.stream or attempt.log.stream
    return replace(
        container,
        exit_code=attempt.exit_code if container.exit_code is None else container.exit_code,
        reason=container.reason or attempt.reason,
        log=replace(log, stream=stream) if log.group else log,
    )
