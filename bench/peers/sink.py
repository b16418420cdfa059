"""What each program sends to: a Slack of its own that follows the same rules, and what has arrived there."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from batchbell_local.slack.sink import SlackSink

NAME = re.compile(r"peer-[a-z]+-[0-9]{3}")
POLL_INTERVAL = 0.02  # s
REPEAT = "may be a repeat"  # what batchbell adds where it cannot know


@dataclass
class Arrivals:
    """When which job arrived at a sink, and how often."""

    sink: SlackSink
    first: dict[str, float] = field(default_factory=dict)  # by job; monotonic, seconds
    times: Counter[str] = field(default_factory=Counter)  # by job: in how many messages
    marked: set[str] = field(default_factory=set)  # jobs with a message that says it may be a repeat
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.sink.on_accepted(self._record)

    def _record(self, body: str) -> None:
        now = time.monotonic()
        names = jobs_in(body)
        with self._lock:
            for name in names:
                self.first.setdefault(name, now)
            self.times.update(names)
            if REPEAT in body:
                self.marked |= names

    def has(self, names: Sequence[str]) -> bool:
        with self._lock:
            return self.first.keys() >= set(names)

    def requests(self, names: Sequence[str]) -> int:
        """Count the requests about the jobs, whatever answer they got."""
        bodies = (request.body.decode("utf-8", "replace") for request in self.sink.requests)
        return sum(not jobs_in(body).isdisjoint(names) for body in bodies)

    def wait_for(self, names: Sequence[str], timeout: float) -> bool:
        """Wait until each of the jobs has arrived, and return whether they have."""
        return _wait(lambda: self.has(names), timeout)

    def wait_for_request(self, names: Sequence[str], timeout: float) -> bool:
        """Wait for the first request about the jobs, and return whether there was one."""
        return _wait(lambda: self.requests(names) > 0, timeout)

    def result(self, names: Sequence[str], raised: float, kept: int) -> Result:
        """Say what came of the jobs.

        names: of the jobs
        raised: when they finished (monotonic, seconds)
        kept: how many messages the program still has to send
        """
        with self._lock:
            waited = {name: self.first[name] - raised for name in names if name in self.first}
            doubled = [name for name in names if self.times[name] > 1]
            marked = sum(name in self.marked for name in doubled)
        return Result(len(names), waited, len(doubled), marked, self.requests(names), kept)


@dataclass(frozen=True)
class Result:
    """What came of a number of jobs with one program.

    waited: seconds from the event to the first message, by job
    doubled: jobs in more than one message; `marked`: those of them with a message that says so
    requests: made to Slack
    kept: messages that the program still has to send, or has put aside for a person
    """

    jobs: int
    waited: Mapping[str, float]
    doubled: int
    marked: int
    requests: int
    kept: int = 0

    def within(self, seconds: float) -> int:
        return sum(waited <= seconds for waited in self.waited.values())

    @property
    def lost(self) -> int:
        return max(0, self.jobs - len(self.waited) - self.kept)

    def to_dict(self) -> Mapping[str, Any]:
        return asdict(self) | {"lost": self.lost}


def jobs_in(body: str) -> set[str]:
    """Return the names of the jobs that a payload mentions anywhere."""
    return set(NAME.findall(json.dumps(json.loads(body)))) if body.startswith("{") else set()


def _wait(reached: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not reached() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return reached()
