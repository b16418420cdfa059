"""Composes a message of every kind from sample events with the dispatcher's own code, for the preview."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from batchbell.cli.events.event_file import message_of, parse_event
from batchbell.contract import Fact, Message
from batchbell.dispatcher.messages.channel_test import compose_self_test
from batchbell.dispatcher.messages.dead_channel import DeadChannel, compose_dead_channel
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.messages.early_failures import compose_early_failures
from batchbell.dispatcher.messages.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.log_end import LogReader
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.messages.overdue import compose_overdue
from batchbell.dispatcher.messages.progress import compose_progress
from batchbell.dispatcher.messages.running_job import Observed
from batchbell.dispatcher.messages.stalled import compose_stalled
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.self_test import SelfTest
from batchbell.dispatcher.timing import Deadline
from batchbell.dispatcher.watch.memory import Seen
from batchbell.dispatcher.watch.running_array import RunningArray

SAMPLE_TIME = 1_790_835_000.0  # epoch s; fixed, so that the page is always the same
LOOK_UP_LIMIT = 60.0  # s; the samples are in memory
DIGEST = ("genome-align", "nightly-render", "tile-pyramid", "index-rebuild", "thumbnails", "billing-export", "backtest")


@dataclass(frozen=True)
class SampleMessage:
    """A message for the preview."""

    title: str  # what happened, in a few words
    message: Message


@dataclass(frozen=True)
class _FailedChildren:
    """Children that failed with the same reason."""

    indexes: Sequence[int]
    status_reason: str
    reason: str = ""
    exit_code: int | None = None


@dataclass(frozen=True)
class _Asked:
    """What the stack asks for."""

    origin: Origin
    owner_tag: str
    log_lines: int
    rerun_hint: bool


OWNER = "alice"
LOG = (
    "frame 2051: 4 layers, 3.1 GB",
    "frame 2052: 9 layers, 7.8 GB",
    "Traceback (most recent call last):",
    '  File "/app/render.py", line 88, in compose',
    "    canvas = blend(layers)",
    "RuntimeError: no room for the canvas",
)
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
CHILDREN: Mapping[str, Sequence[_FailedChildren]] = {
    "array-some-failed": (
        _FailedChildren([*range(4), 17, *range(20, 1100)], "Essential container in task exited", exit_code=1),
        _FailedChildren(range(2048, 2190), "Essential container in task exited", OUT_OF_MEMORY, 137),
        _FailedChildren(range(7000, 7009), "Host EC2 (instance i-0a1b2c3d4e5f60718) terminated."),
    ),
    "array-all-failed": (
        _FailedChildren(range(64), "Task failed to start", "CannotPullContainerError: image align:3 not found"),
    ),
}


class _SampleBatch:
    """A fake Batch client with the failed children of one sample, for the dispatcher's look-up."""

    def __init__(self, job_id: str, groups: Sequence[_FailedChildren]) -> None:
        self._children = {f"{job_id}:{index}": (index, group) for group in groups for index in group.indexes}

    def list_jobs(self, maxResults: int, nextToken: str = "0", **_: Any) -> Mapping[str, Any]:
        start = int(nextToken)
        page = list(self._children.items())[start : start + maxResults]
        more = {"nextToken": str(start + maxResults)} if start + maxResults < len(self._children) else {}
        return {"jobSummaryList": [_summary(child, *about) for child, about in page], **more}

    def describe_jobs(self, jobs: Sequence[str]) -> Mapping[str, Any]:
        described = []
        for child in jobs:
            summary = _summary(child, *self._children[child])
            if self._children[child][1].exit_code is not None:  # a container that never started has no log
                summary["container"]["logStreamName"] = f"render/default/{child[:8]}{child.rpartition(':')[2]:0>4}"
            described.append(summary)
        return {"jobs": described}


def _summary(child: str, index: int, group: _FailedChildren) -> dict[str, Any]:
    container = {"reason": group.reason} if group.reason else {}
    code = {} if group.exit_code is None else {"exitCode": group.exit_code}
    return {
        "jobId": child,
        "arrayProperties": {"index": index},
        "statusReason": group.status_reason,
        "container": {**container, **code},
    }


class _SampleLogs:
    """A fake client of CloudWatch Logs, with the same end for every log."""

    def get_log_events(self, limit: int, **_: Any) -> Mapping[str, Any]:
        return {"events": [{"message": line} for line in LOG[-limit:]]}


def sample_messages(
    origin: Origin, *, owner_tag: str = "", log_lines: int = 0, rerun_hint: bool = True
) -> Iterator[SampleMessage]:
    """Yield a message of every kind, the most interesting first.

    origin, owner_tag, log_lines, rerun_hint: the stack's.
    """
    asked = _Asked(origin, owner_tag, log_lines, rerun_hint)
    titles = {
        "array-some-failed": "Array job: some children failed",
        "array-all-failed": "Array job: all children failed",
        "array-succeeded": "Array job: all children succeeded",
        "single-failed": "Single job: failed",
        "queue-blocked": "Job queue: blocked",
    }
    messages = {name: _message(name, asked) for name in titles}
    yield from (SampleMessage(titles[name], message) for name, message in messages.items())
    yield SampleMessage(
        "Digest: many jobs at once", _digest(messages["array-some-failed"], messages["array-succeeded"])
    )
    reason = "Slack answered 404 no_service"
    yield from _while_it_runs(asked)
    dead = compose_dead_channel(DeadChannel("slack-on-call", SAMPLE_TIME - 7_200, reason), origin)
    yield SampleMessage("Dead channel: reported on the others", dead)
    test = SelfTest("5d0b4c1e-6f0a-4c55-9d52-0d8f3b0c7a11", (), SAMPLE_TIME)
    yield SampleMessage("Test message: send-test", compose_self_test(test, origin))


def _message(name: str, asked: _Asked) -> Message:
    event = _read(name)
    if asked.owner_tag:
        event["detail"]["tags"] = {**event["detail"].get("tags", {}), asked.owner_tag: OWNER}
    parsed, zone, logs = parse_event(event), asked.origin.zone, LogReader(asked.log_lines, lambda region: _SampleLogs())
    if not isinstance(parsed, Job):
        return message_of(parsed, zone, owner_tag=asked.owner_tag)
    budget = LookUpBudget(Deadline.after(LOOK_UP_LIMIT))
    failures = Failures()
    if name in CHILDREN:
        failures = look_up_failures(parsed, _SampleBatch(parsed.id, CHILDREN[name]), budget, logs)
    elif parsed.failed:
        failures = failure_of(parsed, budget, logs)
    return compose(parsed, failures, zone, asked.owner_tag, asked.rerun_hint)


def _while_it_runs(asked: _Asked) -> Iterator[SampleMessage]:
    """The warnings, and a live message: each about the same array, 20 minutes or three hours after it began."""
    detail = _read("array-some-failed")["detail"]
    array_size = detail["arrayProperties"]["size"]

    def observed(minutes: int, moved: float, **counts: int) -> Observed:
        started = SAMPLE_TIME - minutes * 60
        counted = {"size": array_size, "statusSummary": counts, "statusSummaryLastUpdatedAt": int(SAMPLE_TIME * 1_000)}
        times = {"createdAt": int((started - 600) * 1_000), "startedAt": int(started * 1_000)}
        tags = {asked.owner_tag: OWNER} if asked.owner_tag else {}
        fields = {**detail, **times, "status": "PENDING", "arrayProperties": counted, "tags": tags}
        fields.pop("stoppedAt", None)
        array = RunningArray.from_json(fields, detail["jobQueue"])
        assert array is not None
        return Observed(array, Seen(started, moved=moved), SAMPLE_TIME, asked.origin.zone)

    early = observed(20, SAMPLE_TIME, SUCCEEDED=28, FAILED=12, RUNNING=60, RUNNABLE=array_size - 100)
    causes = (_FailedChildren(range(12), "Task failed to start", "CannotPullContainerError: image render:9 not found"),)
    budget = LookUpBudget(Deadline.after(LOOK_UP_LIMIT))
    failures = look_up_failures(early.array.job, _SampleBatch(early.array.job.id, causes), budget)
    yield SampleMessage("Warning: early failures", compose_early_failures(early, failures, asked.owner_tag))
    halfway = observed(180, SAMPLE_TIME, SUCCEEDED=4_117, FAILED=3, RUNNING=64, RUNNABLE=array_size - 4_184)
    yield SampleMessage("Warning: overdue", compose_overdue(halfway, 2 * 3_600, asked.owner_tag))
    still = observed(180, SAMPLE_TIME - 5_400, SUCCEEDED=4_117, FAILED=3, RUNNABLE=array_size - 4_120)
    queue = (
        Fact("State of the queue", "ENABLED, VALID"),
        Fact("render-computing", "INVALID: instance profile missing"),
    )
    yield SampleMessage("Warning: stalled", compose_stalled(still, queue, asked.owner_tag))
    yield SampleMessage(
        "Live message, where a channel can edit: a Slack bot", compose_progress(halfway, asked.owner_tag)
    )


def _digest(failed: Message, succeeded: Message) -> Message:
    messages = []
    for number, name in enumerate(DIGEST):
        like = failed if number < 2 else succeeded
        fields = like.to_dict() | {"key": f"{name}#{number}", "job_name": name}
        fields["title"] = like.title.replace(like.job_name, name)
        messages.append(Message.from_dict(fields))
    return compose_digest(messages, [number == len(DIGEST) - 1 for number in range(len(DIGEST))])


def _read(name: str) -> dict[str, Any]:
    file = resources.files("batchbell.cli.rendering") / "sample_events" / f"{name}.json"
    event: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return event
