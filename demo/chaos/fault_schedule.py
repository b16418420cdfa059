"""Schedules random faults of the channels and of AWS, kills of the function, a deploy and a rollback.

The seed decides which faults come when. What they hit depends on the threads and processes of that run too.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from batchbell_local.cloud import FaultHandle
from batchbell_local.slack.sink import SlackResponse
from batchbell_local.slack.web_api import ApiResponse
from demo.chaos.faults import (
    AWS,
    BETWEEN,
    BETWEEN_PROBABILITY,
    CLOCKS,
    CONNECTION_REFUSED,
    OFTEN,
    SLACK,
    WEB,
    WITHHELD,
)
from demo.chaos.releases import Releases
from demo.chaos.stack import Stack

INTERVAL = 2.0  # seconds that a set of faults lasts
MIN_INTERVALS = 8  # with fewer, so many faults would be active at once that one hides the others
EXTRA_PROBABILITY = 0.05  # of each fault, in each interval other than its own
KILL_PROBABILITY = 0.25  # that a running function is killed, in each interval
KILLED = "killed while it runs"
REFUSED = "slack: 400 for a job that it refuses"
DEPLOYED, ROLLED_BACK = "deploy of the next version", "rollback"


class FaultSchedule:
    """A context manager that injects faults for `intervals` × INTERVAL seconds, and refuses some jobs until its end.

    hits: how often each fault hit.
    passed_on: the payloads that something between Slack and the function answered in its own way and passed on.
    """

    def __init__(
        self,
        stack: Stack,
        random: Random,
        intervals: int,
        refused: Sequence[str],
        releases: Releases,
        hour: float,
    ) -> None:
        """Draw the schedule.

        refused: the jobs for which Slack refuses each payload that has one of them in it.
        releases: of the function.
        hour: how far apart clocks are, in seconds.
        """
        self.hits: Counter[str] = Counter()
        self.passed_on: list[dict[str, Any]] = []
        self._stack, self._cloud, self._sink, self._random = stack, stack.cloud, stack.sink, random
        self._refused, self._releases, self._hour = refused, releases, hour
        self._slack_random = Random(random.getrandbits(32))
        self._slack: list[str] = []
        self._web_random = Random(random.getrandbits(32))
        self._web: list[str] = []
        self._next: list[str] = []
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        faults = [*(f"slack: {name}" for name in (*SLACK, *BETWEEN)), CONNECTION_REFUSED, *AWS, *CLOCKS]
        faults += [*(f"bot: {name}" for name in WEB), WITHHELD]
        random.shuffle(faults)
        self._faults = [
            [
                name
                for number, name in enumerate(faults)
                if number % intervals == interval or random.random() < EXTRA_PROBABILITY
            ]
            for interval in range(intervals)
        ]
        self._faults[intervals // 3].append(DEPLOYED)
        self._faults[2 * intervals // 3].append(ROLLED_BACK)
        self._kills = [
            random.random() * INTERVAL if random.random() < KILL_PROBABILITY else None for _ in range(intervals)
        ]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> FaultSchedule:
        self._sink.answer_with(self._answer)
        self._stack.web.answer_with(self._answer_bot)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def wait(self) -> None:
        """Wait until the last interval is over."""
        self._thread.join()

    def answer_next(self, names: Sequence[str]) -> None:
        """Let Slack answer the next requests so: names of SLACK."""
        self._next = list(names)

    @property
    def kills(self) -> int:
        return sum(count for name, count in self.hits.items() if "killed" in name)

    def _run(self) -> None:
        try:
            for names, kill_after in zip(self._faults, self._kills, strict=True):
                self._run_interval(names, kill_after)
        except BaseException as error:
            self._failure = error
        finally:
            self._slack = self._web = []
            self._sink.listen()
            self._cloud.clear_faults()
            self._cloud.shift_clock(0)
            self._cloud.rules.deliver(self._stack.rule)

    def _run_interval(self, names: list[str], kill_after: float | None) -> None:
        if self._stopped.is_set():
            return
        handles: dict[str, FaultHandle] = {}
        for name in names:
            if name in AWS:
                fault = {"probability": OFTEN, **AWS[name], "seed": self._random.getrandbits(32)}
                handles[name] = self._cloud.fail(**fault)
        self._slack = [name for name in (*SLACK, *BETWEEN) if f"slack: {name}" in names]
        self._web = [name for name in WEB if f"bot: {name}" in names]
        if WITHHELD in names:
            self._cloud.rules.withhold(self._stack.rule)
        if CONNECTION_REFUSED in names:
            self._sink.stop_listening()
            self.hits[CONNECTION_REFUSED] += 1
        self._release(names)
        clock = next((name for name in names if name in CLOCKS), None)
        if clock is not None:
            self._cloud.shift_clock(CLOCKS[clock] * self._hour)
            self._cloud.restart_functions()
        self._stopped.wait(INTERVAL if kill_after is None else kill_after)
        if kill_after is not None:
            self.hits[KILLED] += self._cloud.kill_functions()
            self._stopped.wait(INTERVAL - kill_after)
        self._sink.listen()
        self._cloud.clear_faults()
        self.hits[WITHHELD] += self._cloud.rules.deliver(self._stack.rule)
        if clock is not None:
            self.hits[clock] += self._cloud.shift_clock(0)
        for name, handle in handles.items():
            self.hits[name] += len(handle.hits)

    def _release(self, names: list[str]) -> None:
        if DEPLOYED in names:
            self._releases.deploy()
            self.hits[DEPLOYED] += 1
        if ROLLED_BACK in names:
            self._releases.roll_back()
            self.hits[ROLLED_BACK] += 1

    def _answer(self, body: str) -> SlackResponse | None:
        """The response to one request to Slack; None for the usual one. The sink calls it for one request at a time."""
        if any(job in body for job in self._refused):
            self.hits[REFUSED] += 1
            return SlackResponse.of(400)
        if self._next:
            name = self._next.pop(0)
            self.hits[f"slack: {name}"] += 1
            return SLACK[name][0]
        for name in self._slack:
            response, probability = SLACK[name] if name in SLACK else (BETWEEN[name], BETWEEN_PROBABILITY)
            if self._slack_random.random() < probability:
                self.hits[f"slack: {name}"] += 1
                if name in BETWEEN and self._slack_random.random() < 0.5:
                    self.passed_on.append(json.loads(body))
                return response
        return None

    def _answer_bot(self, method: str, payload: Any) -> ApiResponse | None:
        """The answer to one call of the bot; None for the usual one. One call at a time."""
        for name in self._web:
            answer, probability = WEB[name]
            if self._web_random.random() < probability:
                self.hits[f"bot: {name}"] += 1
                return answer
        return None
