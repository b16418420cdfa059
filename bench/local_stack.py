"""Deploys the print-color stack as it ships to a local AWS, raises events there, and reads what the function did."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment
from batchbell_local.slack.sink import SlackSink
from bench.batch_events import Event, parent_event
from demo.print_color import SENDER, deploy_print_color

EVENTS_PER_CALL = 200
POLL_INTERVAL = 0.2  # seconds between looks at the queues: the local AWS has one thread for all calls
LOG_TIME = "%Y-%m-%d %H:%M:%S,%f%z"  # Powertools' Logger


class WaitTimedOut(Exception):
    """A condition was not reached in time."""


@dataclass(frozen=True)
class LoggedInvocation:
    """The times of an invocation according to the log (epoch seconds); None if the log has no such line.

    started: when it started
    composed: when the last job was parsed, looked up and composed
    delivered: when the last message was sent and in the ledger
    """

    started: float
    composed: float | None
    delivered: float | None


@dataclass(frozen=True)
class LocalStack:
    cloud: LocalCloud
    sink: SlackSink
    deployment: Deployment
    job_queue: str  # ARN

    @property
    def outputs(self) -> Mapping[str, Any]:
        return self.deployment.outputs

    def parent_event(self, name: str, **options: Any) -> Event:
        """Make the event of a finished array job on this stack's queue; `options`: see batch_events.parent_event."""
        return parent_event(name, queue=self.job_queue, **options)

    def raise_all(self, events: Sequence[Event]) -> None:
        for first in range(0, len(events), EVENTS_PER_CALL):
            self.cloud.raise_events(events[first : first + EVENTS_PER_CALL])

    def in_queue(self, purpose: str) -> int:
        return self.cloud.message_count(self.outputs[f"{purpose}_queue_url"])

    def wait_until_idle(self, timeout: float = 60.0, interval: float = POLL_INTERVAL) -> None:
        """Wait until the function has nothing left to do. Raises WaitTimedOut."""
        # In this order: a message that moves on is in the second queue before it leaves the first.
        wait_until(lambda: not any(self.in_queue(queue) for queue in ("intake", "retry")), timeout, interval)

    def dead_letters(self) -> int:
        return self.in_queue("dead_letter")

    def log(self, term: str = "") -> list[tuple[float, str]]:
        """Return the lines of the function's log that contain the term.

        Each comes with the end of its invocation (epoch seconds).
        """
        events = self.cloud.function_log(self.outputs["function_name"], term)
        return [(event["timestamp"] / 1000, event["message"]) for event in events]

    def invocations(self) -> list[LoggedInvocation]:
        """Return all invocations that have ended so far, in order."""
        return read_invocations(self.log())


def read_invocations(lines: Sequence[tuple[float, str]]) -> list[LoggedInvocation]:
    """Read the invocations from lines of a function's log, each line with the end of its invocation (epoch seconds)."""
    times: dict[str, dict[str, float]] = {}
    found = []
    for ended, line in lines:
        if line.startswith("REPORT RequestId: "):
            request, duration = line.split()[2], float(line.partition("Duration: ")[2].split()[0]) / 1000
            seen = times.get(request, {})
            found.append(LoggedInvocation(ended - duration, seen.get("job"), seen.get("outcome")))
        elif line.startswith("{") and "message" in (entry := json.loads(line)) and "request" in entry:
            moment = datetime.strptime(entry["timestamp"], LOG_TIME).timestamp()
            times.setdefault(entry["request"], {})[entry["message"]] = moment
    return found


@contextlib.contextmanager
def deploy(project: Path, config: Mapping[str, Any] | None = None) -> Iterator[LocalStack]:
    """Deploy the stack to a local AWS of its own; `config` overrides what the stack has."""
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        cloud.verify_sender(SENDER)
        deployment = deploy_print_color(cloud, project, {"slackWebhook": sink.url}, config or {})
        yield LocalStack(cloud, sink, deployment, cloud.job_queue_arn(deployment.outputs["job_queue_name"]))


def wait_until(reached: Callable[[], bool], timeout: float, interval: float = POLL_INTERVAL) -> None:
    """Wait until the condition holds. Raises WaitTimedOut."""
    deadline = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > deadline:
            raise WaitTimedOut(f"not reached within {timeout:g} s")
        time.sleep(interval)
