"""batchbell: the print-color stack with the Slack notifier alone, on local AWS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.local_stack import LocalStack, WaitTimedOut, deploy
from bench.peers.sink import Arrivals

# Seconds, a setting. What is tried again comes back in a quarter of the time that it takes with 30; with less than 6
# the function would not wait out the second that Slack asks for.
FUNCTION_TIMEOUT = 7
KIBIBYTE = 1024


@dataclass
class BatchbellStack:
    """A deployed stack."""

    stack: LocalStack
    arrivals: Arrivals
    name: str = "batchbell"

    def notify(self, names: Sequence[str]) -> None:
        self.stack.raise_all([self.stack.parent_event(name) for name in names])

    def kill(self) -> None:
        self.stack.cloud.kill_functions()

    def start_cold(self, name: str) -> None:
        self.stack.cloud.restart_functions()
        self.notify([name])

    def settle(self, timeout: float) -> int:
        with contextlib.suppress(WaitTimedOut):
            self.stack.wait_until_idle(timeout)
        return sum(self.stack.in_queue(queue) for queue in ("intake", "retry", "dead_letter"))

    def peak_memory(self) -> float:
        return max(self.stack.cloud.peak_memory(), default=0) * KIBIBYTE / 1e6


@contextlib.contextmanager
def running(project: Path) -> Iterator[BatchbellStack]:
    slack = {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}}
    with deploy(project, {"function_timeout": FUNCTION_TIMEOUT, "notifiers": [slack]}) as stack:
        yield BatchbellStack(stack, Arrivals(stack.sink))
