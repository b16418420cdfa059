"""The print-color stack as it ships, on a local AWS of its own: what is raised there, and what the function did."""

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
from bench.jobs import Event, finish_array
from demo.print_color import SENDER, deploy_print_color

AT_ONCE = 200  # events of one call
LOOK = 0.2  # seconds between looks at the queues: the local AWS has one thread for all calls
LOG_TIME = "%Y-%m-%d %H:%M:%S,%f%z"  # Powertools' Logger


class NotAtRest(Exception):
    """Something was still under way when the patience was over."""


@dataclass(frozen=True)
class Invocation:
    """What the log says of one. Times are epoch seconds; None where there was no such line."""

    began: float
    parsed: float | None  # jobs are read, looked up and composed
    settled: float | None  # the last message is sent and in the ledger


@dataclass(frozen=True)
class LocalStack:
    cloud: LocalCloud
    sink: SlackSink
    deployment: Deployment
    job_queue: str  # ARN

    @property
    def outputs(self) -> Mapping[str, Any]:
        return self.deployment.outputs

    def finish(self, name: str, **what: Any) -> Event:
        """The event of an array job of this stack's queue; `what`: as in `finish_array`."""
        return finish_array(name, queue=self.job_queue, **what)

    def raise_all(self, events: Sequence[Event]) -> None:
        for first in range(0, len(events), AT_ONCE):
            self.cloud.raise_events(events[first : first + AT_ONCE])

    def in_queue(self, purpose: str) -> int:
        return self.cloud.message_count(self.outputs[f"{purpose}_queue_url"])

    def come_to_rest(self, patience: float = 60.0, look: float = LOOK) -> None:
        """Wait until nothing is under way. Raises NotAtRest."""
        # In this order: what leaves the first queue for the second is in the second before it is gone from the first.
        wait_until(lambda: not any(self.in_queue(queue) for queue in ("intake", "retry")), patience, look)

    def dead_letters(self) -> int:
        return self.in_queue("dead_letter")

    def log(self, term: str = "") -> list[tuple[float, str]]:
        """The lines of the function's log that hold the term, with the end of their invocation (epoch seconds)."""
        name = self.outputs["function_name"]
        group = self.cloud.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        pages = (
            self.cloud.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, filterPattern=term)
        )
        return [(event["timestamp"] / 1000, event["message"]) for page in pages for event in page["events"]]

    def invocations(self) -> list[Invocation]:
        """All that have ended so far, in their order."""
        return read_invocations(self.log())


def read_invocations(lines: Sequence[tuple[float, str]]) -> list[Invocation]:
    """`lines` of a function's log, each with the time at which its invocation's log was written, the end."""
    times: dict[str, dict[str, float]] = {}
    found = []
    for ended, line in lines:
        if line.startswith("REPORT RequestId: "):
            request, duration = line.split()[2], float(line.partition("Duration: ")[2].split()[0]) / 1000
            seen = times.get(request, {})
            found.append(Invocation(ended - duration, seen.get("job"), seen.get("outcome")))
        elif line.startswith("{") and "message" in (entry := json.loads(line)) and "request" in entry:
            moment = datetime.strptime(entry["timestamp"], LOG_TIME).timestamp()
            times.setdefault(entry["request"], {})[entry["message"]] = moment
    return found


@contextlib.contextmanager
def deploy(project: Path) -> Iterator[LocalStack]:
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        cloud.verify_sender(SENDER)
        deployment = deploy_print_color(cloud, project, sink, {})
        yield LocalStack(cloud, sink, deployment, cloud.job_queue_arn(deployment.outputs["job_queue_name"]))


def wait_until(reached: Callable[[], bool], patience: float, look: float = LOOK) -> None:
    """Raises NotAtRest."""
    ends = time.monotonic() + patience
    while not reached():
        if time.monotonic() > ends:
            raise NotAtRest(f"not at rest after {patience:g} s")
        time.sleep(look)
