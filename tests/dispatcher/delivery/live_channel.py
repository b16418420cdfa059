"""A channel that can change what it has sent, and the messages of one array job that runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from batchbell.contract import Message, Progress, Severity
from batchbell.dispatcher.delivery.breaker import Breaker
from batchbell.dispatcher.delivery.fan_out import fan_out
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.live_message import as_last_state
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.wire import BOARD, MessageKind, Status
from tests.waiting import patience


@dataclass
class Post:
    """One message in the channel. `shown`: everything that it showed, the last state last."""

    shown: list[Message]

    @property
    def title(self):
        return self.shown[-1].title

    @property
    def is_live(self):
        return self.shown[0].kind == MessageKind.PROGRESS


class LiveChannel:
    """Keeps its posts by receipt, or raises the given errors: those of `send`, and those of `update`.

    A callable among them is called instead, and what it should post is posted.
    """

    def __init__(self, *errors, updates=()):
        self.errors, self.update_errors, self.posts = list(errors), list(updates), {}

    def send(self, message):
        self._fail(self.errors)
        receipt = f"receipt-{len(self.posts)}"
        self.posts[receipt] = Post([message])
        return receipt

    def update(self, message, receipt):
        self._fail(self.update_errors)
        self.posts[receipt].shown.append(message)

    def _fail(self, errors):
        if errors:
            error = errors.pop(0)
            if isinstance(error, BaseException):
                raise error
            error()

    @property
    def live(self):
        return [post for post in self.posts.values() if post.is_live]

    @property
    def others(self):
        return [post.shown[0] for post in self.posts.values() if not post.is_live]


@dataclass(frozen=True)
class ArrayJob:
    """The messages about one array job of 100 children."""

    arn: str
    name: str = "nightly"

    def running(self, finished, started=None, failed=0):
        return Message(
            key=f"{self.arn}{BOARD}",
            kind=MessageKind.PROGRESS,
            status=Status.RUNNING,
            severity=Severity.INFO,
            title=f"{self.name} is running: {finished} of 100 done",
            summary="Array job on nightly-queue, about 2 h left",
            job_name=self.name,
            thread=self.arn,
            queue="nightly-queue",
            progress=Progress(100, finished, failed, finished if started is None else started),
        )

    def warning(self, status=Status.EARLY):
        return replace(
            self.running(10),
            key=f"{self.arn}#{status}",
            kind=MessageKind.EARLY_FAILURES,
            status=status,
            title=f"{self.name}: {status}",
            progress=None,
        )

    def outcome(self, status="FAILED"):
        return replace(
            self.running(100),
            key=f"{self.arn}#{status}",
            kind=MessageKind.ARRAY_JOB,
            status=status,
            title=f"{self.name} {status}",
            progress=None,
        )

    def last(self, status="FAILED"):
        return as_last_state(self.outcome(status), self.arn)


def show(ledger, channel, *messages, seconds=None, timing=Timing(), breaker=None, **settings):  # noqa: B008
    """One invocation. Returns the outcomes."""
    instance = Instance("ops", channel, **{"progress": True} | settings)
    todo = {"ops": [Delivery(instance, message, time.time()) for message in messages]}
    breakers = {"ops": breaker or Breaker(timing)}
    deadline = Deadline.after(patience(10) if seconds is None else seconds)
    return fan_out(todo, ledger, timing, breakers, deadline)["ops"].outcomes


class Dying:
    """A client of DynamoDB whose process is killed before its `last + 1`th update."""

    def __init__(self, client, last):
        self.client, self.left = client, last

    def update_item(self, **arguments):
        if self.left <= 0:
            raise KeyboardInterrupt
        self.left -= 1
        return self.client.update_item(**arguments)

    def __getattr__(self, name):
        return getattr(self.client, name)
